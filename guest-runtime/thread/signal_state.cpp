// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/signal_state.hpp"

#include <array>

#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

// Guards actions, the process's pending signals and every thread's. Order: all_threads().lock, this, Thread::lock.
constinit Spinlock signal_lock;
constinit std::array<SignalAction, signal_number::last> actions;
constinit PendingSignals process_pending;
constinit WaitQueue arrivals;

SignalAction& action_of(int number) { return actions[static_cast<std::size_t>(number - 1)]; }

bool is_ignored(int number) {
    const SignalAction& action = action_of(number);
    if (action.handler == handler_ignore) return true;
    return action.handler == handler_default && default_action(number) == DefaultAction::ignore;
}

void poke(Thread& thread) {
    thread.work.fetch_or(work::signal, std::memory_order_seq_cst);
    unpark(thread);
    bring_into_runtime(thread);
}

// The work bit says what the sets say; called by the thread itself with signal_lock held.
void refresh_work(Thread& self) {
    SignalSet deliverable = (self.pending.set() | process_pending.set()) & ~self.blocked.load();
    if (deliverable != 0) {
        self.work.fetch_or(work::signal, std::memory_order_relaxed);
    } else {
        self.work.fetch_and(~work::signal, std::memory_order_relaxed);
    }
}

}  // namespace

bool send_to_process(const SignalInfo& info) {
    bool is_counted;
    Guard list_guard(all_threads().lock);
    SignalSet bit = signal_bit(info.number);
    {
        Guard guard(signal_lock);
        Thread* taker = nullptr;
        // As on Linux, an ignored signal is only kept where the main thread blocks it: sigwait and signalfd see it.
        Thread* main = all_threads().find(process_id);
        if (is_ignored(info.number) && main != nullptr && (main->blocked.load() & bit) == 0) return false;
        for (Thread& thread : all_threads().threads) {
            if ((thread.blocked.load() & bit) != 0) continue;
            if (taker == nullptr || &thread == &current()) taker = &thread;
        }
        is_counted = process_pending.add(info);
        if (taker != nullptr) poke(*taker);
    }
    arrivals.wake_all();
    return is_counted;
}

bool send_to_thread(Thread& thread, const SignalInfo& info) {
    bool is_counted;
    {
        Guard guard(signal_lock);
        bool is_blocked = (thread.blocked.load() & signal_bit(info.number)) != 0;
        if (is_ignored(info.number) && !is_blocked) return false;
        is_counted = thread.pending.add(info);
        if (!is_blocked) poke(thread);
    }
    arrivals.wake_all();
    return is_counted;
}

bool timer_is_pending(const SignalInfo& info) {
    Guard list_guard(all_threads().lock);
    Guard guard(signal_lock);
    if (process_pending.has_timer(info)) return true;
    for (Thread& thread : all_threads().threads) {
        if (thread.pending.has_timer(info)) return true;
    }
    return false;
}

void discard_timer(const SignalInfo& info, std::uint32_t tid) {
    Guard list_guard(all_threads().lock);
    Guard guard(signal_lock);
    if (tid == 0) {
        process_pending.discard_timer(info);
    } else if (Thread* thread = all_threads().find(tid)) {
        thread->pending.discard_timer(info);
    }
}

// The work bit stays: a call that it has interrupted is only restarted by who finds it set.
bool take_pending(SignalSet wanted, SignalInfo& info) {
    Guard guard(signal_lock);
    return current().pending.take(wanted, info) || process_pending.take(wanted, info);
}

bool take_deliverable(SignalInfo& info) {
    Thread& self = current();
    Guard guard(signal_lock);
    SignalSet open = ~self.blocked.load();
    bool taken = self.pending.take(open, info) || process_pending.take(open, info);
    refresh_work(self);
    return taken;
}

SignalSet pending_set() {
    Guard guard(signal_lock);
    return current().pending.set() | process_pending.set();
}

WaitQueue& signal_arrivals() { return arrivals; }

void set_blocked(SignalSet mask) {
    Thread& self = current();
    SignalSet left;
    {
        Guard guard(signal_lock);
        mask &= ~unblockable;
        left = process_pending.set() & mask & ~self.blocked.load();
        self.blocked.store(mask);
        refresh_work(self);
    }
    if (left != 0) hand_over(left);
}

void hand_over(SignalSet set) {
    Guard list_guard(all_threads().lock);
    Guard guard(signal_lock);
    set &= process_pending.set();
    for (Thread& thread : all_threads().threads) {
        SignalSet takes = set & ~thread.blocked.load();
        if (takes == 0) continue;
        poke(thread);
        set &= ~takes;
    }
}

SignalAction signal_action(int number) {
    Guard guard(signal_lock);
    return action_of(number);
}

void set_signal_action(int number, const SignalAction& action) {
    Guard list_guard(all_threads().lock);
    Guard guard(signal_lock);
    action_of(number) = action;
    if (!is_ignored(number)) return;
    // POSIX: a signal that is ignored from now on is discarded where it is pending.
    process_pending.discard(number);
    for (Thread& thread : all_threads().threads) thread.pending.discard(number);
}

SignalAction claim_signal_action(int number) {
    Guard guard(signal_lock);
    SignalAction action = action_of(number);
    if (action.handler > handler_ignore && (action.flags & sa_resethand) != 0)
        action_of(number).handler = handler_default;
    return action;
}

}  // namespace husk::thread
