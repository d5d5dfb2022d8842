// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/thread_calls.hpp"

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/fs/path.hpp"
#include "guest-runtime/syscall/futex_calls.hpp"
#include "guest-runtime/thread/cpu_time.hpp"
#include "guest-runtime/thread/death.hpp"
#include "guest-runtime/thread/first_frame.hpp"
#include "guest-runtime/thread/futex.hpp"
#include "guest-runtime/thread/pi_futex.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/thread.hpp"
#include "guest-runtime/thread/vector_state.hpp"

namespace husk::sys {

namespace {

using thread::Thread;

constexpr std::uint64_t clone_vm = 0x100, clone_fs = 0x200, clone_files = 0x400, clone_sighand = 0x800,
                        clone_thread = 0x1'0000, clone_settls = 0x8'0000, clone_parent_settid = 0x10'0000,
                        clone_child_cleartid = 0x20'0000, clone_child_settid = 0x100'0000;
constexpr std::uint64_t thread_flags = clone_vm | clone_fs | clone_files | clone_sighand | clone_thread;

struct CloneRequest {
    std::uint64_t flags = 0;
    std::uint64_t stack_pointer = 0;
    std::uint64_t tls = 0;
    std::uint64_t parent_tid = 0;
    std::uint64_t child_tid = 0;
};

SysResult refuse_process(const char* name) {
    log_line(name);
    return Errno::enosys;
}

// What is wrong with the arguments alone comes first, as on Linux.
SysResult refuse_program(UserPtr<const char> path, std::uint32_t flags) {
    fs::UserPath text;
    HUSK_TRY(text.copy_from(path));
    if (text.view().empty() && (flags & fs::at_flag::empty_path) == 0) return Errno::enoent;
    if ((flags & ~(fs::at_flag::empty_path | fs::at_flag::symlink_no_follow)) != 0) return Errno::einval;
    return refuse_process("execve: a VM runs one program");
}

// The child goes on where the parent does, with 0 as the result and its own stack.
arch::Context child_context(const arch::Context& parent, const CloneRequest& request) {
    arch::Context context = parent;
    context.rax = 0;
    context.orig_rax = ~0ull;
    if (request.stack_pointer != 0) context.rsp = request.stack_pointer;
    return context;
}

Result<std::uint32_t> start_thread(const arch::Context& context, const CloneRequest& request) {
    Thread& self = thread::current();
    Thread& child = *HUSK_TRY(thread::create_thread());
    memcpy(child.name, self.name, sizeof child.name);
    child.fs_base = (request.flags & clone_settls) != 0 ? request.tls : arch::read_fs_base();
    child.blocked.store(self.blocked.load());
    child.affinity.store(self.affinity.load());
    child.vcpu = self.vcpu;
    arch::save_vector_state(self.vector_area);
    memcpy(child.vector_area, self.vector_area, thread::vector_area_bytes());
    if ((request.flags & clone_child_cleartid) != 0) child.clear_child_tid = request.child_tid;
    thread::lay_first_frame(child, child_context(context, request));
    {
        Guard guard(thread::all_threads().lock);
        child.tid = thread::next_tid();
        thread::all_threads().threads.push_back(child);
        ++thread::all_threads().count;
    }
    std::uint32_t tid = child.tid;
    if ((request.flags & clone_parent_settid) != 0) (void)UserPtr<std::uint32_t>(request.parent_tid).store(tid);
    if ((request.flags & clone_child_settid) != 0) (void)UserPtr<std::uint32_t>(request.child_tid).store(tid);
    Guard guard(child.lock);
    thread::enqueue(child);
    return tid;
}

SysResult clone(const arch::Context& context, const CloneRequest& request) {
    bool shares_handlers = (request.flags & clone_sighand) != 0;
    if (shares_handlers && (request.flags & clone_vm) == 0) return Errno::einval;
    if (!shares_handlers && (request.flags & clone_thread) != 0) return Errno::einval;
    if ((request.flags & clone_vm) == 0 || (request.flags & clone_thread) == 0) {
        return refuse_process("clone without CLONE_VM | CLONE_THREAD: a VM runs one process");
    }
    if ((request.flags & thread_flags) != thread_flags) return Errno::einval;
    return start_thread(context, request);
}

// Never returns: the kernel stack goes when another thread runs.
[[noreturn]] void exit_thread(int status) {
    Thread& self = thread::current();
    release_robust_futexes();
    bool is_last;
    {
        Guard guard(thread::all_threads().lock);
        is_last = --thread::all_threads().count == 0;
        thread::account_ended_thread(self);
        if (!is_last) static_cast<ListNode<thread::AllTag>&>(self).unlink();
    }
    if (is_last) thread::exit_process(status);
    thread::hand_over(~self.blocked.load());
    // After it has left the list: who comes now finds no owner.
    thread::pi_futex::hand_over_all_of(self.tid);
    if (self.clear_child_tid != 0) {
        // The user stack may be reused as soon as this is 0; nothing below touches it.
        (void)UserPtr<std::uint32_t>(self.clear_child_tid).store(0);
        thread::futex::wake(self.clear_child_tid, 1);
    }
    self.lock.lock();
    self.state = thread::State::dead;
    thread::switch_away(self);
    panic("a dead thread ran");
}

}  // namespace

SysResult sys_clone(const Call& call) {
    CloneRequest request{call[0] & ~0xffull, call[1], call[4], call[2], call[3]};
    return clone(call, request);
}

SysResult sys_clone3(const Call& call) {
    struct CloneArguments {
        std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    };
    if (call[1] < sizeof(CloneArguments)) return Errno::einval;
    CloneArguments a = HUSK_TRY(call.pointer<CloneArguments>(0).load());
    if ((a.stack == 0) != (a.stack_size == 0)) return Errno::einval;
    return clone(call, {a.flags, a.stack == 0 ? 0 : a.stack + a.stack_size, a.tls, a.parent_tid, a.child_tid});
}

SysResult sys_exit(const Call& call) { exit_thread(call.integer(0)); }
SysResult sys_exit_group(const Call& call) { thread::exit_process(call.integer(0)); }

SysResult sys_set_tid_address(const Call& call) {
    thread::current().clear_child_tid = call[0];
    return thread::current().tid;
}

SysResult sys_gettid(const Call&) { return thread::current().tid; }

SysResult sys_arch_prctl(const Call& call) {
    constexpr std::uint64_t set_gs = 0x1001, set_fs = 0x1002, get_fs = 0x1003, get_gs = 0x1004;
    switch (call[0]) {
        case set_fs:
            if (call[1] >= 0x8000'0000'0000) return Errno::eperm;
            arch::write_fs_base(call[1]);
            return 0;
        case get_fs:
            return call.pointer<std::uint64_t>(1).store(arch::read_fs_base());
        case set_gs:
            return Errno::eperm;  // GS is the runtime's
        case get_gs:
            return call.pointer<std::uint64_t>(1).store(0);
        default:
            return Errno::einval;
    }
}

namespace {

// What prctl() is told and tells again; none of it has an effect in a VM of one process.
constexpr std::uint64_t usual_slack_ns = 50'000;
struct ToldSettings {
    std::atomic<int> death_signal = 0, dumpable = 1, no_new_privileges = 0, no_large_pages = 0;
    std::atomic<std::uint64_t> timer_slack_ns = usual_slack_ns;
};
constinit ToldSettings told;

}  // namespace

SysResult sys_prctl(const Call& call) {
    constexpr int set_pdeathsig = 1, get_pdeathsig = 2, get_dumpable = 3, set_dumpable = 4, set_name = 15,
                  get_name = 16, get_securebits = 27, set_timerslack = 29, get_timerslack = 30,
                  set_child_subreaper = 36, set_no_new_privs = 38, get_no_new_privs = 39, set_thp_disable = 41,
                  get_thp_disable = 42, set_vma = 0x5356'4d41;
    Thread& self = thread::current();
    switch (call.integer(0)) {
        case set_name: {
            char name[16] = {};
            auto length = copy_in_string(name, call[1]);
            if (!length.ok() && length.error() != Errno::enametoolong) return length.error();
            name[15] = 0;
            memcpy(self.name, name, sizeof name);
            return 0;
        }
        case get_name:
            return copy_out(call[1], self.name, sizeof self.name);
        case get_pdeathsig:
            return call.pointer<std::int32_t>(1).store(told.death_signal);
        case set_pdeathsig:
            if (call[1] > thread::signal_number::last) return Errno::einval;
            told.death_signal = call.integer(1);
            return 0;
        case get_dumpable:
            return told.dumpable.load();
        case set_dumpable:
            if (call[1] > 1) return Errno::einval;
            told.dumpable = call.integer(1);
            return 0;
        case get_timerslack:
            return told.timer_slack_ns.load();
        case set_timerslack:
            told.timer_slack_ns = call[1] == 0 || static_cast<std::int64_t>(call[1]) < 0 ? usual_slack_ns : call[1];
            return 0;
        case get_no_new_privs:
            if ((call[1] | call[2] | call[3] | call[4]) != 0) return Errno::einval;
            return told.no_new_privileges.load();
        case set_no_new_privs:
            if (call[1] != 1 || (call[2] | call[3] | call[4]) != 0) return Errno::einval;
            told.no_new_privileges = 1;
            return 0;
        case get_thp_disable:
            return told.no_large_pages.load();
        case set_thp_disable:
            if ((call[2] | call[3] | call[4]) != 0) return Errno::einval;
            told.no_large_pages = call[1] != 0 ? 1 : 0;
            return 0;
        case get_securebits:
        case set_child_subreaper:
        case set_vma:
            return 0;
        default:
            return Errno::einval;
    }
}

SysResult sys_fork(const Call&) { return refuse_process("fork: a VM runs one process"); }
SysResult sys_execve(const Call& call) { return refuse_program(call.pointer<const char>(0), 0); }
SysResult sys_execveat(const Call& call) {
    return refuse_program(call.pointer<const char>(1), static_cast<std::uint32_t>(call[4]));
}

}  // namespace husk::sys
