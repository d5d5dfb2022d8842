// SPDX-License-Identifier: Apache-2.0
// Signals that were sent and not yet taken: once each for the classic ones, queued for the real-time ones.
#pragma once

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/thread/signal.hpp"

namespace husk::thread {

// The caller locks.
class PendingSignals {
public:
    constexpr PendingSignals() = default;
    ~PendingSignals();

    [[nodiscard]] SignalSet set() const { return set_; }
    // A classic signal that is pending already is not added again. Without memory the information is lost, not the
    // signal. True: the timer that sends it has one pending, which now counts this one as missed [timer_getoverrun(2)].
    bool add(const SignalInfo& info);
    // A signal of the timer that sends `info`.
    [[nodiscard]] bool has_timer(const SignalInfo& info) { return find_timer(info) != nullptr; }
    // Takes the lowest-numbered signal in `wanted`, synchronous faults first as Linux does. False when there is none.
    bool take(SignalSet wanted, SignalInfo& info);
    void discard(int number);
    // The signal of the timer that sends `info`.
    void discard_timer(const SignalInfo& info);

private:
    struct Entry : ListNode<> {
        SignalInfo info;
    };

    Entry* find_timer(const SignalInfo& info);

    SignalSet set_ = 0;
    List<Entry> entries_;
};

}  // namespace husk::thread
