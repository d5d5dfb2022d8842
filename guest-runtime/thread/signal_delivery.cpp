// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/signal_delivery.hpp"

#include "guest-runtime/thread/death.hpp"
#include "guest-runtime/thread/signal_frame.hpp"
#include "guest-runtime/thread/signal_observer.hpp"
#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/syscall_restart.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

// Calls that fail with EINTR after any handler, SA_RESTART or not [signal(7), "Interruption of system calls"].
bool never_restarts(std::uint64_t number) {
    switch (number) {
        case 23:   // select
        case 34:   // pause
        case 130:  // rt_sigsuspend
        case 230:  // clock_nanosleep
        case 232:  // epoll_wait
        case 270:  // pselect6
        case 271:  // ppoll
        case 281:  // epoll_pwait
        case 441:  // epoll_pwait2
            return true;
        default:
            return false;
    }
}

bool has_failed(const arch::Context& context, Errno error) {
    return static_cast<long>(context.rax) == -static_cast<long>(error);
}

bool wants_restart(const arch::Context& context) {
    if (context.orig_rax == ~0ull) return false;
    return has_failed(context, Errno::erestart) || has_failed(context, Errno::erestartnointr) ||
           has_failed(context, Errno::erestartblock);
}

// Whether the call goes on after a handler.
bool goes_on(const arch::Context& context, const SignalAction& action) {
    if (has_failed(context, Errno::erestartnointr)) return true;
    if (has_failed(context, Errno::erestartblock)) return false;
    return (action.flags & sa_restart) != 0 && !never_restarts(context.orig_rax);
}

// Runs one signal's action. Returns true when a handler now stands in `context`.
bool act_on(arch::Context& context, const SignalInfo& info) {
    Thread& self = current();
    SignalAction action = claim_signal_action(info.number);
    if (action.handler == handler_ignore) return false;
    if (signal_observer != nullptr) signal_observer(info);
    if (action.handler == handler_default) {
        DefaultAction what = default_action(info.number);
        if (what == DefaultAction::ignore) return false;
        die_of_signal(info, context, what == DefaultAction::core);
    }

    bool restarts = false;
    if (wants_restart(context)) {
        restarts = goes_on(context, action);
        if (!restarts) context.rax = static_cast<std::uint64_t>(-static_cast<long>(Errno::eintr));
    }
    SignalSet mask = self.blocked.load();
    if ((self.work.load() & work::restore_mask) != 0) {
        mask = self.saved_mask;
        self.work.fetch_and(~work::restore_mask);
    }
    if (!push_signal_frame(context, action, info, mask, restarts).ok()) {
        // No stack for a handler: what Linux does is a SIGSEGV that nothing can catch.
        die_of_signal(fault_info(signal_number::segv, si_kernel, context.rsp, 0), context, true);
    }
    SignalSet during = self.blocked.load() | action.mask;
    if ((action.flags & sa_nodefer) == 0) during |= signal_bit(info.number);
    set_blocked(during);
    return true;
}

}  // namespace

void force_signal(const SignalInfo& info) {
    Thread& self = current();
    SignalAction action = signal_action(info.number);
    bool is_blocked = (self.blocked.load() & signal_bit(info.number)) != 0;
    if (is_blocked || action.handler == handler_ignore) {
        action.handler = handler_default;
        set_signal_action(info.number, action);
        set_blocked(self.blocked.load() & ~signal_bit(info.number));
    }
    send_to_thread(self, info);
}

void deliver_signals(arch::Context& context) {
    Thread& self = current();
    SignalInfo info;
    bool handled = false;
    while ((self.work.load(std::memory_order_relaxed) & work::signal) != 0) {
        if (!take_deliverable(info)) break;
        handled |= act_on(context, info);
    }
    if ((self.work.load(std::memory_order_relaxed) & work::restore_mask) != 0) {
        self.work.fetch_and(~work::restore_mask);
        set_blocked(self.saved_mask);
    }
    if (handled || !wants_restart(context)) return;
    self.is_going_on = has_failed(context, Errno::erestartblock);
    run_syscall_again(context);
    self.is_going_on = false;
}

}  // namespace husk::thread
