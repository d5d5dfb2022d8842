// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/process_calls.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "guest-runtime/arch/vcpus.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/syscall/system_name.hpp"
#include "guest-runtime/syscall/time_types.hpp"
#include "guest-runtime/thread/cpu_time.hpp"
#include "guest-runtime/thread/death.hpp"
#include "guest-runtime/thread/peer_requests.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::sys {

namespace {

constexpr std::uint64_t affinity_bytes = 8;  // one word holds max_vcpus

// Runs `act` on the thread with this id (0: the caller) while it is kept alive.
template <class Act>
SysResult with_thread(int tid, Act act) {
    Guard guard(thread::all_threads().lock);
    thread::Thread* thread =
        tid == 0 ? &thread::current() : thread::all_threads().find(static_cast<std::uint32_t>(tid));
    if (tid < 0) return Errno::einval;
    if (thread == nullptr) return Errno::esrch;
    return act(*thread);
}

}  // namespace

SysResult sys_getpid(const Call&) { return thread::process_id; }
SysResult sys_zero(const Call&) { return 0; }
SysResult sys_accept_quietly(const Call&) { return 0; }

SysResult sys_getpgid(const Call& call) {
    int pid = call.integer(0);
    if (pid != 0 && pid != thread::process_id) return Errno::esrch;
    return thread::process_id;
}

SysResult sys_set_ids(const Call& call) {
    constexpr std::uint64_t number_of_setuid = 105, number_of_setgid = 106;
    auto id = static_cast<std::int32_t>(call[0]);
    // -1 leaves an id as it is, where there are several to set.
    if (id == -1) {
        bool is_only = call.orig_rax == number_of_setuid || call.orig_rax == number_of_setgid;
        return is_only ? SysResult(Errno::einval) : SysResult(0);
    }
    return id <= 0 ? SysResult(0) : SysResult(Errno::eperm);
}

SysResult sys_getresuid(const Call& call) {
    for (unsigned i = 0; i < 3; ++i) HUSK_TRY(call.pointer<std::uint32_t>(i).store(0));
    return 0;
}

SysResult sys_getgroups(const Call& call) { return call.integer(0) < 0 ? SysResult(Errno::einval) : SysResult(0); }

SysResult sys_wait4(const Call& call) {
    constexpr std::uint32_t known = 0xe000'000b;  // WNOHANG, WUNTRACED, WCONTINUED, __WNOTHREAD, __WALL, __WCLONE
    return (static_cast<std::uint32_t>(call[2]) & ~known) != 0 ? Errno::einval : Errno::echild;
}

SysResult sys_waitid(const Call& call) {
    constexpr std::uint32_t known = 0xe100'000f, wanted = 0xe;  // wanted: WEXITED, WSTOPPED, WCONTINUED
    constexpr int last_kind = 3;                                // P_PIDFD
    auto options = static_cast<std::uint32_t>(call[3]);
    if ((options & ~known) != 0 || (options & wanted) == 0) return Errno::einval;
    return call.integer(0) < 0 || call.integer(0) > last_kind ? Errno::einval : Errno::echild;
}

SysResult sys_uname(const Call& call) { return call.pointer<SystemName>(0).store(system_name()); }

SysResult sys_sethostname(const Call& call) {
    SystemName name = system_name();
    if (call[1] >= sizeof name.node) return Errno::einval;
    memset(name.node, 0, sizeof name.node);
    HUSK_TRY(copy_in(name.node, call[0], call[1]));
    set_system_name(name);
    return 0;
}

SysResult sys_sysinfo(const Call& call) {
    struct SystemInfo {
        std::int64_t uptime_s;
        std::uint64_t loads[3], total_ram, free_ram, shared_ram, buffer_ram, total_swap, free_swap;
        std::uint16_t processes, padding;
        std::uint32_t padding2;
        std::uint64_t total_high, free_high;
        std::uint32_t unit_bytes;
        std::uint32_t padding3;
    };
    static_assert(sizeof(SystemInfo) == 112);
    memory::FrameCounts frames = memory::frame_counts();
    SystemInfo info{};
    info.uptime_s = static_cast<std::int64_t>(thread::monotonic_ns() / ns_per_second);
    info.total_ram = frames.total * abi::page_size;
    info.free_ram = frames.free * abi::page_size;
    info.processes = static_cast<std::uint16_t>(std::min(thread::all_threads().count, 0xffffu));
    info.unit_bytes = 1;
    return call.pointer<SystemInfo>(0).store(info);
}

SysResult sys_getrusage(const Call& call) {
    struct Usage {
        TimeVal user, system;
        std::int64_t max_rss_kib, other[13];
    };
    constexpr int self = 0, children = -1, this_thread = 1;
    int who = call.integer(0);
    if (who != self && who != children && who != this_thread) return Errno::einval;
    Usage usage{};
    if (who == self) usage.user = TimeVal::from_ns(thread::process_cpu_ns());
    if (who == this_thread) usage.user = TimeVal::from_ns(thread::thread_cpu_ns(thread::current()));
    memory::FrameCounts frames = memory::frame_counts();
    usage.max_rss_kib = static_cast<std::int64_t>((frames.total - frames.free) * 4);
    return call.pointer<Usage>(1).store(usage);
}

SysResult sys_sched_yield(const Call&) {
    thread::yield();
    return 0;
}

SysResult sys_sched_getaffinity(const Call& call) {
    if (call[1] < affinity_bytes || call[1] % affinity_bytes != 0) return Errno::einval;
    std::uint64_t mask = 0;
    SysResult found = with_thread(call.integer(0), [&](thread::Thread& t) {
        mask = t.affinity.load(std::memory_order_relaxed) & arch::all_vcpus();
        return SysResult(0);
    });
    if (found.raw() < 0) return found;
    HUSK_TRY(call.pointer<std::uint64_t>(2).store(mask));
    return affinity_bytes;
}

SysResult sys_sched_setaffinity(const Call& call) {
    std::uint64_t mask = 0;
    HUSK_TRY(copy_in(&mask, call[2], std::min(call[1], affinity_bytes)));
    mask &= arch::all_vcpus();
    if (mask == 0) return Errno::einval;
    return with_thread(call.integer(0), [&](thread::Thread& t) {
        t.affinity.store(mask, std::memory_order_seq_cst);
        thread::move_if_misplaced(t);
        return SysResult(0);
    });
}

SysResult sys_sched_getparam(const Call& call) {
    auto priority = call.pointer<std::int32_t>(1);
    if (call.integer(0) < 0 || !priority) return Errno::einval;
    SysResult found = with_thread(call.integer(0), [](thread::Thread&) { return SysResult(0); });
    return found.raw() < 0 ? found : SysResult(priority.store(0));
}

SysResult sys_sched_getscheduler(const Call& call) {
    return with_thread(call.integer(0), [](thread::Thread&) { return SysResult(0); });  // SCHED_OTHER
}

// sched_get_priority_max and _min: 1..99 and 1 for the real-time policies, 0 for the others.
SysResult sys_sched_priority_bound(const Call& call) {
    constexpr int fifo = 1, round_robin = 2;
    int policy = call.integer(0);
    if (policy < 0 || policy > 6 || policy == 4) return Errno::einval;
    if (policy != fifo && policy != round_robin) return 0;
    constexpr std::uint64_t number_of_max = 146;
    return call.orig_rax == number_of_max ? 99 : 1;
}

SysResult sys_getpriority(const Call& call) {
    constexpr int user = 2;
    if (call.integer(0) < 0 || call.integer(0) > user) return Errno::einval;
    if (call.integer(0) != user) {
        SysResult found = with_thread(call.integer(1), [](thread::Thread&) { return SysResult(0); });
        if (found.raw() < 0) return Errno::esrch;
    }
    return 20;  // nice 0, as the kernel encodes it
}

SysResult sys_getcpu(const Call& call) {
    if (auto cpu = call.pointer<std::uint32_t>(0)) HUSK_TRY(cpu.store(thread::vcpu_index()));
    if (auto node = call.pointer<std::uint32_t>(1)) HUSK_TRY(node.store(0));
    return 0;
}

SysResult sys_membarrier(const Call& call) {
    constexpr int query = 0, global = 1, private_expedited = 8, register_private_expedited = 16;
    static constinit std::atomic<bool> announced = false;
    if (call.integer(1) != 0) return Errno::einval;
    switch (call.integer(0)) {
        case query:
            return global | private_expedited | register_private_expedited;
        case register_private_expedited:
            announced = true;
            return 0;
        case private_expedited:
            if (!announced) return Errno::eperm;
            [[fallthrough]];
        case global:
            // Threads that do not run now were taken off their vCPU with a full barrier.
            std::atomic_thread_fence(std::memory_order_seq_cst);
            thread::fence_others();
            std::atomic_thread_fence(std::memory_order_seq_cst);
            return 0;
        default:
            return Errno::einval;
    }
}

SysResult sys_capget(const Call& call) {
    struct Header {
        std::uint32_t version;
        std::int32_t pid;
    };
    struct Data {
        std::uint32_t effective, permitted, inheritable;
    };
    constexpr std::uint32_t version_3 = 0x2008'0522;
    Header header = HUSK_TRY(call.pointer<Header>(0).load());
    if (header.version != version_3) {
        HUSK_TRY(call.pointer<std::uint32_t>(0).store(version_3));
        return call[1] == 0 ? SysResult(0) : SysResult(Errno::einval);
    }
    if (header.pid < 0) return Errno::einval;
    if (header.pid != 0) {
        Guard guard(thread::all_threads().lock);
        if (thread::all_threads().find(static_cast<std::uint32_t>(header.pid)) == nullptr) return Errno::esrch;
    }
    constexpr std::uint64_t all_capabilities = (1ull << 41) - 1;
    constexpr auto low = static_cast<std::uint32_t>(all_capabilities);
    constexpr auto high = static_cast<std::uint32_t>(all_capabilities >> 32);
    auto data = call.pointer<Data>(1);
    HUSK_TRY(data.store({low, low, 0}));
    return data.offset(1).store({high, high, 0});
}

SysResult sys_syslog(const Call& call) {
    constexpr int last_action = 10;
    return call.integer(0) < 0 || call.integer(0) > last_action ? Errno::einval : Errno::eperm;
}

SysResult sys_reboot(const Call& call) {
    constexpr std::uint32_t magic1 = 0xfee1'dead, halt = 0xcdef'0123, restart = 0x0123'4567, power_off = 0x4321'fedc;
    constexpr std::uint32_t magic2[] = {672274793, 85072278, 369367448, 537993216};
    constexpr std::uint32_t no_keys = 0, keys = 0x89ab'cdef;  // what Ctrl-Alt-Del does: there are no keys
    bool knows = std::ranges::find(magic2, static_cast<std::uint32_t>(call[1])) != std::end(magic2);
    if (static_cast<std::uint32_t>(call[0]) != magic1 || !knows) return Errno::einval;
    auto command = static_cast<std::uint32_t>(call[2]);
    if (command == halt || command == restart || command == power_off) thread::exit_process(0);
    return command == no_keys || command == keys ? SysResult(0) : SysResult(Errno::einval);
}

}  // namespace husk::sys
