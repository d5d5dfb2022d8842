// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/accepted_calls.hpp"

#include "guest-runtime/thread/thread.hpp"

namespace husk::sys {

namespace {

// Whether a thread has this id; 0 is the caller.
bool is_there(int tid) {
    Guard guard(thread::all_threads().lock);
    return tid == 0 || (tid > 0 && thread::all_threads().find(static_cast<std::uint32_t>(tid)) != nullptr);
}

SysResult succeeds_if_there(int tid) { return is_there(tid) ? SysResult(0) : SysResult(Errno::esrch); }

constexpr std::uint32_t reset_on_fork = 0x4000'0000;

// SCHED_FIFO and SCHED_RR have priorities from 1 to 99, the others have 0. Every thread stays SCHED_OTHER.
SysResult check_policy(int tid, int policy, UserPtr<std::int32_t> priority_pointer) {
    constexpr int fifo = 1, round_robin = 2, batch = 3, idle = 5;
    if (tid < 0 || policy < 0 || !priority_pointer) return Errno::einval;
    std::int32_t priority = HUSK_TRY(priority_pointer.load());
    if (!is_there(tid)) return Errno::esrch;
    bool is_realtime = policy == fifo || policy == round_robin;
    if (!is_realtime && policy != 0 && policy != batch && policy != idle) return Errno::einval;
    bool fits = is_realtime ? priority >= 1 && priority <= 99 : priority == 0;
    return fits ? SysResult(0) : SysResult(Errno::einval);
}

}  // namespace

SysResult sys_setpgid(const Call& call) {
    if (call.integer(1) < 0 || call.integer(0) < 0) return Errno::einval;
    return succeeds_if_there(call.integer(0));
}

SysResult sys_setgroups(const Call& call) {
    constexpr std::uint32_t most = 65536;
    auto count = static_cast<std::uint32_t>(call[0]);
    if (count > most) return Errno::einval;
    for (std::uint32_t i = 0; i < count; ++i) HUSK_TRY(call.pointer<std::uint32_t>(1).offset(i).load());
    return 0;
}

SysResult sys_capset(const Call& call) {
    struct Header {
        std::uint32_t version;
        std::int32_t pid;
    };
    constexpr std::uint32_t version_3 = 0x2008'0522;
    Header header = HUSK_TRY(call.pointer<Header>(0).load());
    if (header.version != version_3) {
        HUSK_TRY(call.pointer<std::uint32_t>(0).store(version_3));
        return Errno::einval;
    }
    if (header.pid != 0 && header.pid != thread::process_id) return Errno::eperm;
    std::uint32_t sets[6];
    return copy_in(sets, call[1], sizeof sets);
}

SysResult sys_setpriority(const Call& call) {
    constexpr int user = 2;
    int which = call.integer(0);
    if (which < 0 || which > user) return Errno::einval;
    return which == user ? SysResult(0) : succeeds_if_there(call.integer(1));
}

SysResult sys_setdomainname(const Call& call) {
    char name[65];
    if (call.integer(1) < 0 || call.integer(1) >= static_cast<int>(sizeof name)) return Errno::einval;
    return copy_in(name, call[0], static_cast<std::size_t>(call.integer(1)));
}

SysResult sys_ioprio_set(const Call& call) {
    constexpr int process = 1, user = 3, last_class = 3, class_shift = 13, priority_mask = 7;
    int which = call.integer(0), value = call.integer(2);
    if (which < process || which > user || value >> class_shift > last_class) return Errno::einval;
    if (value >> class_shift == 0 && (value & priority_mask) != 0) return Errno::einval;
    return which == process ? succeeds_if_there(call.integer(1)) : SysResult(0);
}

SysResult sys_sched_setattr(const Call& call) {
    constexpr std::uint32_t first_size = 48;
    if (!call.pointer<std::uint32_t>(1) || call.integer(0) < 0 || call[2] != 0) return Errno::einval;
    std::uint32_t size = HUSK_TRY(call.pointer<std::uint32_t>(1).load());
    if (size != 0 && size < first_size) return Errno::e2big;
    return succeeds_if_there(call.integer(0));
}

SysResult sys_sched_setparam(const Call& call) {
    return check_policy(call.integer(0), 0, call.pointer<std::int32_t>(1));
}

SysResult sys_sched_setscheduler(const Call& call) {
    if (call.integer(1) < 0) return Errno::einval;
    int policy = static_cast<int>(static_cast<std::uint32_t>(call[1]) & ~reset_on_fork);
    return check_policy(call.integer(0), policy, call.pointer<std::int32_t>(2));
}

}  // namespace husk::sys
