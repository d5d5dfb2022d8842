// SPDX-License-Identifier: Apache-2.0
// The calls a guest makes to its launcher: one I/O port each, arguments and result in the vCPU's mailbox.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::abi {

// The guest writes VcpuMailbox::argument, executes `out %eax, $port` (the value does not matter), and reads
// VcpuMailbox::result when it goes on. A result below 0 is a negated Linux errno.
enum class Doorbell : std::uint8_t {
    // (stream: 1 stdout, 2 stderr; gpa; size_bytes) -> bytes taken. -EAGAIN: nothing now; the vCPU is woken when there
    // is
    // room, with attention::console set. -EPIPE: the reader is gone.
    console_write = 0xe0,
    // (gpa, size_bytes) -> bytes of stdin stored at gpa; 0: end of input. -EAGAIN as above, when input arrives.
    console_read = 0xe1,
    // (stream: 0, 1, 2) -> poll(2) bits POLLIN | POLLOUT | POLLERR | POLLHUP that hold now. When it has none of the
    // wanted
    // bits (argument 1), the vCPU is woken with attention::console once one holds.
    console_poll = 0xe2,
    // (exit status 0..255, signal or 0) -> never returns. With a signal, the launcher exits as a shell would say: 128 +
    // it.
    exit = 0xe3,
    // (timeout_ns; UINT64_MAX: none) -> returns when woken, when attention is not 0, or at the timeout. May return
    // early.
    wait = 0xe4,
    // (vCPU index) -> makes that vCPU's wait return, now or when it next waits. The first one for a vCPU other than 0
    // starts it: at ImageNote::entry, with rdi, rsp and GS base as vCPU 0 had its own.
    wake = 0xe5,
    // (gpa of a text, size_bytes) -> a line of the runtime about itself, shown under --verbose.
    log = 0xe6,
    // (gpa of a CrashRecord) -> the application or the runtime died; `exit` follows. The launcher prints it.
    crash = 0xe7,
    // (gpa of a StopRecord) -> under boot_flag::debugger, every thread stands still until it returns. 1: a fault
    // becomes its signal; 0: it does not. -EINTR: the
    // debugger
    // ends the VM, as by SIGKILL.
    stop = 0xe8,
    // (vCPU index) -> sets attention::peer of that vCPU, which goes on when it waits and comes out when it is in the
    // application: an interrupt between processors. -EINVAL: no such vCPU, or one that was never started.
    interrupt = 0xe9,
    // (gpa of PhysRange[], count, at most give_back_max) -> how many of them, from the first on, the host has taken:
    // they
    // read as 0 from now on, and are backed again when they are used. Each is whole pages of 2 MiB of RAM that nobody
    // uses. -EINVAL: the first one is not. -EFAULT: the list is not RAM. -EOPNOTSUPP: the host's pages are larger.
    give_back = 0xea,
    // (gpa of a TraceRing, size_bytes) -> the launcher takes what is in the ring; from the first one on it
    // also looks by itself now and then. Only when a setting `trace=` asks for it.
    trace = 0xeb,
    // () -> returns after some ten microseconds, in which others run: the vCPU waits for another one, which may have no
    // CPU.
    give_way = 0xec,
};
inline constexpr std::uint64_t give_back_max = 256;
inline constexpr std::uint16_t doorbell_first_port = 0xe0;
inline constexpr std::uint16_t doorbell_last_port = 0xef;
inline constexpr std::uint16_t serial_port = 0x3f8;  // foreign VMMs: console output byte by byte or by `rep outsb`

// Bits of VcpuMailbox::attention: set by the launcher with an atomic or, taken by the guest with an atomic exchange.
namespace attention {
inline constexpr std::uint32_t tick = 1u << 0;     // a time slice or VcpuMailbox::timer_deadline_tsc is over
inline constexpr std::uint32_t signals = 1u << 1;  // VcpuMailbox::signals is not 0
inline constexpr std::uint32_t console = 1u << 2;  // a console stream has become ready
inline constexpr std::uint32_t devices = 1u << 3;  // a virtio device has used buffers or changed its configuration
inline constexpr std::uint32_t stop = 1u << 4;     // the debugger wants a stop; only under boot_flag::debugger
inline constexpr std::uint32_t peer = 1u << 5;     // another vCPU rang `interrupt`
inline constexpr std::uint32_t own = 1u << 31;     // the guest's, for its way out of the runtime; no launcher sets it
}  // namespace attention

// Shared by one vCPU and the launcher; the guest's GS base points at it. Every word is naturally aligned and written
// with atomic or single stores; neither side trusts what the other wrote.
struct VcpuMailbox {
    std::uint64_t self;         // virtual address of this struct (launcher, before the first instruction)
    std::uint64_t argument[4];  // guest: of the doorbell that follows
    std::int64_t result;        // launcher: of the doorbell that was rung
    std::uint32_t attention;    // see namespace attention
    std::uint32_t vcpu_index;   // launcher, before the first instruction
    std::uint64_t signals;  // launcher ors bit (n - 1) for Linux signal n to the application; guest exchanges with 0

    // Pre-emption. When attention is set while the vCPU runs ring-3 code outside the runtime's text (ImageNote), the
    // launcher stores rip, rsp and rflags here and resumes the vCPU at ImageNote::upcall with rsp = upcall_stack, all
    // other registers untouched. Inside the runtime's text it only sets attention: the runtime looks at it on its way
    // out.
    std::uint64_t upcall_stack;  // guest
    std::uint64_t upcall_rip;    // launcher
    std::uint64_t upcall_rsp;
    std::uint64_t upcall_rflags;

    // While want_tick is not 0 the launcher sets attention::tick and pre-empts every few ms; it does so too once the
    // guest's TSC reaches timer_deadline_tsc (UINT64_MAX: no timer). Neither needs an exit to change.
    std::uint64_t timer_deadline_tsc;  // guest
    std::uint32_t want_tick;           // guest

    // How long a vCPU with nothing to run had better watch `attention` before it rings `wait`: a device's thread is at
    // work on another CPU, and an exit would cost more. 0: not at all. A hint that changes at any time.
    std::uint32_t spin_us;  // launcher
};
static_assert(sizeof(VcpuMailbox) == 112);
static_assert(offsetof(VcpuMailbox, result) == 40 && offsetof(VcpuMailbox, attention) == 48);
static_assert(offsetof(VcpuMailbox, upcall_stack) == 64 && offsetof(VcpuMailbox, timer_deadline_tsc) == 96);

}  // namespace husk::abi
