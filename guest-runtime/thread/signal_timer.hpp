// SPDX-License-Identifier: Apache-2.0
// A timer that sends a signal, once or at intervals: under timer_create and setitimer.
#pragma once

#include <cstdint>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/thread/signal.hpp"
#include "guest-runtime/thread/timer.hpp"

namespace husk::thread {

class SignalTimer final : public Timer {
public:
    enum class Clock { wall, process_cpu };  // process_cpu counts while the application computes
    struct Setting {
        std::uint64_t remaining_ns;  // 0: disarmed
        std::uint64_t interval_ns;   // 0: once
    };

    // info.number 0: nothing is sent. target_tid 0: the process.
    SignalTimer(Clock clock, const SignalInfo& info, std::uint32_t target_tid)
        : clock_(clock), info_(info), target_tid_(target_tid) {}
    ~SignalTimer() { stop(); }

    // First expiry in `first_ns` of its clock, then every interval_ns; first_ns 0 disarms.
    void set(std::uint64_t first_ns, std::uint64_t interval_ns);
    [[nodiscard]] Setting get();
    // Expiries that the last signal that was taken stands for, beyond the first.
    [[nodiscard]] std::uint32_t overrun();

private:
    // Disarms it, and drops its signal where nobody has taken that yet, as Linux does since 6.13: the next timer may
    // have the same id.
    void stop();
    void on_expiry() override;
    bool send(const SignalInfo& info);
    [[nodiscard]] std::uint64_t now_ns() const;

    Clock clock_;
    SignalInfo info_;
    std::uint32_t target_tid_;
    Spinlock lock_;
    std::uint64_t due_ns_ = 0;  // on clock_; 0: disarmed
    std::uint64_t interval_ns_ = 0;
    std::uint32_t overrun_ = 0;        // of the last signal that was sent
    std::uint32_t taken_overrun_ = 0;  // of the one before
};

}  // namespace husk::thread
