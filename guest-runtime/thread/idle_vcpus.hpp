// SPDX-License-Identifier: Apache-2.0
// Which vCPUs have nothing to run, and who wakes which.
//
// Who has no work calls announce(v) and looks at all queues; if nothing is there and try_sleep(v), it sleeps until it
// is woken; then end(v). Who has work queues the thread; if (auto v = claim_any(...); v && needs_wake(*v)) it wakes v.
//
// Whoever queues looks here afterwards, and whoever has announced looks at the queues afterwards: one of the two sees
// the other.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <optional>

namespace husk::thread {

template <std::uint32_t max_vcpus>
class IdleVcpus {
public:
    constexpr IdleVcpus() = default;

    void announce(std::uint32_t vcpu) {
        state(vcpu).store(State::looking, std::memory_order_relaxed);
        idle_.fetch_or(bit(vcpu), std::memory_order_seq_cst);
    }
    // Where there is only one, nobody has to find it.
    void announce_alone(std::uint32_t vcpu) { state(vcpu).store(State::looking, std::memory_order_relaxed); }
    // False: somebody has work for it already, and has not woken it.
    [[nodiscard]] bool try_sleep(std::uint32_t vcpu) {
        State expected = State::looking;
        return state(vcpu).compare_exchange_strong(expected, State::sleeping, std::memory_order_seq_cst);
    }
    void end(std::uint32_t vcpu) {
        (void)claim(vcpu);
        state(vcpu).store(State::busy, std::memory_order_relaxed);
    }

    // An idle vCPU that is the caller's from now on, `preferred` if it is one: for a thread that is or will be in its
    // queue or, for stealing, in any other.
    std::optional<std::uint32_t> claim_any(std::uint64_t allowed, std::uint32_t preferred) {
        for (;;) {
            std::uint64_t idle = idle_.load(std::memory_order_seq_cst) & allowed;
            if (idle == 0) return std::nullopt;
            std::uint32_t vcpu = preferred;
            if ((idle >> preferred & 1) == 0) vcpu = static_cast<std::uint32_t>(std::countr_zero(idle));
            if (claim(vcpu)) return vcpu;
        }
    }
    // Of one that was claimed, once the thread is queued. False: it notices by itself.
    [[nodiscard]] bool needs_wake(std::uint32_t vcpu) {
        return state(vcpu).exchange(State::busy, std::memory_order_seq_cst) == State::sleeping;
    }

    // Not claimed yet. May be stale by the time it is read.
    [[nodiscard]] bool is_idle(std::uint32_t vcpu) const {
        return (idle_.load(std::memory_order_relaxed) & bit(vcpu)) != 0;
    }
    [[nodiscard]] bool is_sleeping(std::uint32_t vcpu) const {
        return states_[vcpu].value.load(std::memory_order_seq_cst) == State::sleeping;
    }
    // Somebody has given it a thread.
    [[nodiscard]] bool is_busy(std::uint32_t vcpu) const {
        return states_[vcpu].value.load(std::memory_order_relaxed) == State::busy;
    }

private:
    enum class State : std::uint8_t {
        busy,      // or about to be: somebody has given it a thread
        looking,   // notices by itself
        sleeping,  // has to be woken
    };
    struct alignas(64) Word {
        std::atomic<State> value = State::busy;
    };
    static constexpr std::uint64_t bit(std::uint32_t vcpu) { return std::uint64_t{1} << vcpu; }
    std::atomic<State>& state(std::uint32_t vcpu) { return states_[vcpu].value; }
    [[nodiscard]] bool claim(std::uint32_t vcpu) {
        return (idle_.fetch_and(~bit(vcpu), std::memory_order_seq_cst) & bit(vcpu)) != 0;
    }

    alignas(64) std::atomic<std::uint64_t> idle_ = 0;  // bit n: vCPU n has nothing to run, and nobody has claimed it
    std::array<Word, max_vcpus> states_{};
};

}  // namespace husk::thread
