// SPDX-License-Identifier: Apache-2.0
// Locks and counters while only one vCPU runs, as in most VMs: a plain instruction does then what others need a locked
// one for, at a tenth of the price. The runtime is not pre-empted, an interrupt's handler leaves every lock and count
// as it found it, and the launcher shares none of them.
#pragma once

#include <atomic>
#include <type_traits>

namespace husk {

#if __STDC_HOSTED__
// Unit tests: threads stand for vCPUs.
constexpr bool is_alone() { return false; }
inline void note_others() {}
#else
// Read with every lock and written once, so it has a cache line of its own.
struct alignas(64) OthersMayRun {
    std::atomic<bool> value = false;
};
extern constinit OthersMayRun others_may_run;
inline bool is_alone() { return !others_may_run.value.load(std::memory_order_relaxed); }
// For good, before a second vCPU is started.
inline void note_others() { others_may_run.value.store(true, std::memory_order_relaxed); }
#endif

// What std::atomic's own exchange() and fetch_add() are, among the vCPUs.
template <class T>
T exchange(std::atomic<T>& word, T value, std::memory_order order) {
    if (!is_alone()) return word.exchange(value, order);
    T before = word.load(std::memory_order_relaxed);
    word.store(value, std::memory_order_relaxed);
    return before;
}

template <class Word>  // std::atomic or std::atomic_ref
auto fetch_add(Word&& word, typename std::remove_reference_t<Word>::value_type change, std::memory_order order) {
    if (!is_alone()) return word.fetch_add(change, order);
    auto before = word.load(std::memory_order_relaxed);
    word.store(before + change, std::memory_order_relaxed);
    return before;
}

}  // namespace husk
