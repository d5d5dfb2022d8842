// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/signal_calls.hpp"

#include "guest-runtime/syscall/time_types.hpp"
#include "guest-runtime/thread/death.hpp"
#include "guest-runtime/thread/signal_frame.hpp"
#include "guest-runtime/thread/signal_mask.hpp"
#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/syscall_restart.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::sys {

namespace {

using thread::SignalInfo;
using thread::SignalSet;

constexpr std::uint64_t set_bytes = sizeof(SignalSet);

bool is_signal(int number) { return number >= 1 && number <= thread::signal_number::last; }

// kill(2) and its kin: 0 only asks whether the target exists.
SysResult send_to(std::uint32_t tid, const SignalInfo& info) {
    Guard guard(thread::all_threads().lock);
    thread::Thread* target = thread::all_threads().find(tid);
    if (target == nullptr) return Errno::esrch;
    if (info.number != 0) thread::send_to_thread(*target, info);
    return 0;
}

// A mask argument, or nothing where the pointer is null. EINVAL for another size than the kernel's.
Result<SignalSet> load_mask(UserPtr<SignalSet> mask, std::uint64_t bytes) {
    if (bytes != set_bytes) return Errno::einval;
    return mask.load();
}

// Sleeps until a signal is delivered.
SysResult sleep_for_signal() {
    thread::WaitQueue nobody_wakes;
    Result<> woken = thread::wait_until(nobody_wakes, thread::Deadline::never(), [] { return false; });
    return woken.error();
}

Result<SignalInfo> load_info(const Call& call, unsigned signal_index, unsigned info_index) {
    SignalInfo info = HUSK_TRY(call.pointer<SignalInfo>(info_index).load());
    info.number = call.integer(signal_index);
    if (!is_signal(info.number) && info.number != 0) return Errno::einval;
    return info;
}

}  // namespace

SysResult sys_rt_sigaction(const Call& call) {
    int number = call.integer(0);
    if (call[3] != set_bytes || !is_signal(number)) return Errno::einval;
    thread::SignalAction old = thread::signal_action(number);
    if (auto wanted = call.pointer<thread::SignalAction>(1)) {
        if ((thread::signal_bit(number) & thread::unblockable) != 0) return Errno::einval;
        thread::SignalAction action = HUSK_TRY(wanted.load());
        action.mask &= ~thread::unblockable;
        thread::set_signal_action(number, action);
    }
    if (auto out = call.pointer<thread::SignalAction>(2)) return out.store(old);
    return 0;
}

SysResult sys_rt_sigprocmask(const Call& call) {
    constexpr int block = 0, unblock = 1, set_mask = 2;
    if (call[3] != set_bytes) return Errno::einval;
    SignalSet old = thread::current().blocked.load();
    if (auto pointer = call.pointer<SignalSet>(1)) {
        SignalSet argument = HUSK_TRY(pointer.load());
        switch (call.integer(0)) {
            case block:
                thread::set_blocked(old | argument);
                break;
            case unblock:
                thread::set_blocked(old & ~argument);
                break;
            case set_mask:
                thread::set_blocked(argument);
                break;
            default:
                return Errno::einval;
        }
    }
    if (auto out = call.pointer<SignalSet>(2)) return out.store(old);
    return 0;
}

SysResult sys_rt_sigreturn(const Call&) {
    thread::Thread& self = thread::current();
    arch::Context& context = self.context();
    self.work.fetch_or(thread::work::full_restore);
    auto popped = thread::pop_signal_frame(context);
    if (!popped.ok()) {
        thread::die_of_signal(thread::fault_info(thread::signal_number::segv, thread::si_kernel, 0, 0), context, true);
    }
    if (popped.value()) {
        context.orig_rax = context.rax;
        thread::run_syscall_again(context);
    }
    return static_cast<long>(context.rax);
}

SysResult sys_rt_sigpending(const Call& call) {
    if (call[1] > set_bytes) return Errno::einval;
    SignalSet pending = thread::pending_set() & thread::current().blocked.load();
    return copy_out(call[0], &pending, call[1]);
}

SysResult sys_rt_sigsuspend(const Call& call) {
    SignalSet mask = HUSK_TRY(load_mask(call.pointer<SignalSet>(0), call[1]));
    thread::TemporaryMask temporary(mask);
    return sleep_for_signal();
}

SysResult sys_pause(const Call&) { return sleep_for_signal(); }

SysResult sys_rt_sigtimedwait(const Call& call) {
    SignalSet wanted = HUSK_TRY(load_mask(call.pointer<SignalSet>(0), call[3])) & ~thread::unblockable;
    thread::Deadline deadline = HUSK_TRY(deadline_after(call.pointer<TimeSpec>(2)));
    SignalInfo info;
    Result<> arrived =
        thread::wait_until(thread::signal_arrivals(), deadline, [&] { return thread::take_pending(wanted, info); });
    // Never restarted, as on Linux, also where no handler runs.
    if (!arrived.ok()) return arrived.error() == Errno::etimedout ? Errno::eagain : Errno::eintr;
    if (auto out = call.pointer<SignalInfo>(1)) HUSK_TRY(out.store(info));
    return info.number;
}

SysResult sys_rt_sigqueueinfo(const Call& call) {
    SignalInfo info = HUSK_TRY(load_info(call, 1, 2));
    if (call.integer(0) != thread::process_id) return Errno::esrch;
    if (info.number != 0) thread::send_to_process(info);
    return 0;
}

SysResult sys_rt_tgsigqueueinfo(const Call& call) {
    SignalInfo info = HUSK_TRY(load_info(call, 2, 3));
    if (call.integer(0) <= 0 || call.integer(1) <= 0) return Errno::einval;
    if (call.integer(0) != thread::process_id) return Errno::esrch;
    return send_to(static_cast<std::uint32_t>(call.integer(1)), info);
}

SysResult sys_sigaltstack(const Call& call) {
    constexpr std::uint32_t onstack = 1, disable = 2, autodisarm = 1u << 31;
    constexpr std::uint64_t smallest_bytes = 2048;
    thread::Thread& self = thread::current();
    thread::SignalStack old = self.signal_stack;
    std::uint64_t rsp = call.rsp;
    bool is_on = (old.flags & disable) == 0 && rsp > old.base && rsp - old.base <= old.size_bytes;
    if (auto pointer = call.pointer<thread::SignalStack>(0)) {
        thread::SignalStack wanted = HUSK_TRY(pointer.load());
        if (is_on) return Errno::eperm;
        if ((wanted.flags & ~(onstack | disable | autodisarm)) != 0) return Errno::einval;
        if ((wanted.flags & disable) != 0) {
            self.signal_stack = thread::SignalStack{};
        } else {
            if (wanted.size_bytes < smallest_bytes) return Errno::enomem;
            wanted.flags &= autodisarm;
            self.signal_stack = wanted;
        }
    }
    if (auto out = call.pointer<thread::SignalStack>(1)) {
        if (is_on) old.flags |= onstack;
        return out.store(old);
    }
    return 0;
}

SysResult sys_kill(const Call& call) {
    int pid = call.integer(0), number = call.integer(1);
    if (number != 0 && !is_signal(number)) return Errno::einval;
    // 0 and -1 and the own group mean everyone, who is this process; any thread's id names it too.
    int target = pid < 0 ? -pid : pid;
    if (pid != 0 && pid != -1 && target != thread::process_id) {
        Guard guard(thread::all_threads().lock);
        if (pid < 0 || thread::all_threads().find(static_cast<std::uint32_t>(pid)) == nullptr) return Errno::esrch;
    }
    if (number != 0) thread::send_to_process(thread::sender_info(number, thread::si_user));
    return 0;
}

SysResult sys_tkill(const Call& call) {
    int tid = call.integer(0), number = call.integer(1);
    if (tid <= 0 || (number != 0 && !is_signal(number))) return Errno::einval;
    return send_to(static_cast<std::uint32_t>(tid), thread::sender_info(number, thread::si_tkill));
}

SysResult sys_tgkill(const Call& call) {
    int group = call.integer(0), tid = call.integer(1), number = call.integer(2);
    if (group <= 0 || tid <= 0 || (number != 0 && !is_signal(number))) return Errno::einval;
    if (group != thread::process_id) return Errno::esrch;
    return send_to(static_cast<std::uint32_t>(tid), thread::sender_info(number, thread::si_tkill));
}

}  // namespace husk::sys
