// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/last_calls.hpp"

#include <atomic>

#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

// A disk that does not answer must not keep the VM from ending.
constexpr std::uint64_t patience_ns = 5'000'000'000;
// The last one to stay wakes who waits; one that has just begun is told in the next round.
constexpr std::uint64_t round_ns = 10'000'000;

constinit std::atomic<Thread*> ending = nullptr;

// Whether all but the calling thread stay in the runtime; tells those that do not.
bool tell_others() {
    bool all_stay = true;
    ThreadList& list = all_threads();
    Guard guard(list.lock);
    for (Thread& thread : list.threads) {
        if (&thread == &current() || thread.stays_in_runtime.load(std::memory_order_acquire)) continue;
        all_stay = false;
        thread.work.fetch_or(work::signal, std::memory_order_seq_cst);
        unpark(thread);
        bring_into_runtime(thread);
    }
    return all_stay;
}

}  // namespace

bool is_exiting() { return ending.load(std::memory_order_relaxed) != nullptr; }

void stay_in_runtime() {
    current().stays_in_runtime.store(true, std::memory_order_release);
    if (Thread* waiting = ending.load()) unpark(*waiting);
    for (;;) {
        prepare_to_park();
        park_uninterruptible(Deadline::never());
    }
}

void end_calls() {
    Thread* nobody = nullptr;
    if (!ending.compare_exchange_strong(nobody, &current())) stay_in_runtime();
    const Deadline end = Deadline::after_ns(patience_ns);
    for (;;) {
        prepare_to_park();
        if (tell_others() || end.has_passed()) break;
        park_uninterruptible(Deadline::after_ns(round_ns));
    }
    cancel_park();
}

}  // namespace husk::thread
