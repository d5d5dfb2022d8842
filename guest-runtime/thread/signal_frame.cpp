// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/signal_frame.hpp"

#include <husk/abi/guest_address.hpp>
#include <husk/abi/machine.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/vector_state.hpp"

namespace husk::thread {

namespace {

constexpr std::uint64_t flag_xstate = 1, flag_ss = 2, flag_strict_ss = 4;
// A bit of uc_flags that Linux does not use: the frame interrupted a system call that starts again on return. Linux
// says so by moving rip back onto the `syscall`, which a patched image does not have.
constexpr std::uint64_t flag_restart = 1ull << 31;
constexpr std::uint64_t red_zone_bytes = 128;
constexpr std::uint32_t ss_onstack = 1, ss_disable = 2, ss_autodisarm = 1u << 31;

// Bits of rflags that a handler may change for the interrupted code: the arithmetic flags, DF, TF, AC, RF.
constexpr std::uint64_t changeable_rflags = 0x5'0dd5;

// The software bytes of an XSAVE image in a signal frame [Linux: struct _fpx_sw_bytes], at offset 464 of the legacy
// area.
struct SoftwareBytes {
    std::uint32_t magic;
    std::uint32_t extended_bytes;
    std::uint64_t components;
    std::uint32_t xsave_bytes;
    std::uint32_t padding[7];
};
static_assert(sizeof(SoftwareBytes) == 48);
constexpr std::size_t software_bytes_offset = 464, mxcsr_offset = 24, xsave_header_offset = 512;
constexpr std::uint32_t magic_begin = 0x4650'5853, magic_end = 0x4650'5845;
constexpr std::uint32_t mxcsr_mask = 0xffff;

bool is_on(const SignalStack& stack, std::uint64_t rsp) {
    return (stack.flags & ss_disable) == 0 && rsp > stack.base && rsp - stack.base <= stack.size_bytes;
}

// Stores the live vector registers at `address` in the format that sigreturn and unwinders expect.
Result<> push_vector_state(std::uint64_t address, Thread& self) {
    arch::save_vector_state(self.vector_area);
    std::size_t bytes = vector_area_bytes();
    SoftwareBytes software{magic_begin,
                           static_cast<std::uint32_t>(bytes + sizeof magic_end),
                           vector_components(),
                           static_cast<std::uint32_t>(bytes),
                           {}};
    HUSK_TRY(copy_out(address, self.vector_area, bytes));
    HUSK_TRY(copy_out(address + software_bytes_offset, &software, sizeof software));
    return copy_out(address + bytes, &magic_end, sizeof magic_end);
}

// Loads vector registers from memory that the application may have changed: `xrstor` must not fault on it.
Result<> pop_vector_state(std::uint64_t address, Thread& self) {
    auto* area = static_cast<std::byte*>(self.vector_area);
    HUSK_TRY(copy_in(area, address, vector_area_bytes()));
    std::uint64_t header[8];
    memcpy(header, area + xsave_header_offset, sizeof header);
    header[0] &= vector_components();
    for (std::size_t i = 1; i < 8; ++i) header[i] = 0;
    memcpy(area + xsave_header_offset, header, sizeof header);
    std::uint32_t mxcsr;
    memcpy(&mxcsr, area + mxcsr_offset, sizeof mxcsr);
    mxcsr &= mxcsr_mask;
    memcpy(area + mxcsr_offset, &mxcsr, sizeof mxcsr);
    arch::restore_vector_state(area);
    return {};
}

SignalRegisters registers_of(const arch::Context& c, const SignalInfo& info, std::uint64_t vector_state,
                             SignalSet mask) {
    SignalRegisters r{};
    r.r8 = c.r8, r.r9 = c.r9, r.r10 = c.r10, r.r11 = c.r11, r.r12 = c.r12, r.r13 = c.r13, r.r14 = c.r14, r.r15 = c.r15;
    r.rdi = c.rdi, r.rsi = c.rsi, r.rbp = c.rbp, r.rbx = c.rbx, r.rdx = c.rdx, r.rax = c.rax, r.rcx = c.rcx;
    r.rsp = c.rsp, r.rip = c.rip, r.rflags = c.rflags;
    r.cs = abi::selector::user_code, r.ss = abi::selector::user_data;
    bool is_fault = info.code > 0 && (info.number == signal_number::segv || info.number == signal_number::bus ||
                                      info.number == signal_number::fpe || info.number == signal_number::ill ||
                                      info.number == signal_number::trap);
    if (is_fault) r.trap = info.fault.trap, r.error = info.fault.trap_error, r.cr2 = info.fault.address;
    r.old_mask = mask;
    r.vector_state = vector_state;
    return r;
}

}  // namespace

Result<> push_signal_frame(arch::Context& context, const SignalAction& action, const SignalInfo& info,
                           SignalSet mask_to_restore, bool restarts_syscall) {
    Thread& self = current();
    bool was_on_stack = is_on(self.signal_stack, context.rsp);
    std::uint64_t top = context.rsp - red_zone_bytes;
    bool switches = (action.flags & sa_onstack) != 0 && (self.signal_stack.flags & ss_disable) == 0 && !was_on_stack;
    if (switches) top = self.signal_stack.base + self.signal_stack.size_bytes;

    std::uint64_t vector_state = abi::align_down(top - vector_area_bytes() - sizeof magic_end, 64);
    // As after a call: rsp + 8 is 16-byte aligned at the handler's first instruction.
    std::uint64_t frame_address = abi::align_down(vector_state - sizeof(SignalFrame), 16) - 8;
    if ((was_on_stack || switches) && frame_address < self.signal_stack.base) return Errno::efault;

    SignalFrame frame{};
    frame.return_address = action.restorer;
    frame.context.flags = flag_xstate | flag_ss | flag_strict_ss | (restarts_syscall ? flag_restart : 0);
    frame.context.stack = self.signal_stack;
    if (was_on_stack) frame.context.stack.flags |= ss_onstack;
    arch::Context interrupted = context;
    if (restarts_syscall) interrupted.rax = context.orig_rax;
    frame.context.registers = registers_of(interrupted, info, vector_state, mask_to_restore);
    frame.context.mask = mask_to_restore;
    frame.info = info;
    if (info.code > 0) frame.info.fault.trap = frame.info.fault.trap_error = 0;

    HUSK_TRY(push_vector_state(vector_state, self));
    HUSK_TRY(copy_out(frame_address, &frame, sizeof frame));
    if ((self.signal_stack.flags & ss_autodisarm) != 0 && switches) self.signal_stack = SignalStack{};

    context.rdi = static_cast<std::uint64_t>(info.number);
    context.rsi = frame_address + offsetof(SignalFrame, info);
    context.rdx = frame_address + offsetof(SignalFrame, context);
    context.rax = 0;
    context.rip = action.handler;
    context.rsp = frame_address;
    context.rflags &= ~changeable_rflags | 0x50;  // DF and TF clear, as the calling convention and Linux have it
    context.orig_rax = ~0ull;
    return {};
}

Result<bool> pop_signal_frame(arch::Context& context) {
    Thread& self = current();
    // The restorer's address was popped by the handler's `ret`.
    std::uint64_t frame_address = context.rsp - sizeof(std::uint64_t);
    SignalContext saved = HUSK_TRY(UserPtr<SignalContext>(frame_address + offsetof(SignalFrame, context)).load());
    const SignalRegisters& r = saved.registers;
    if (r.vector_state != 0) HUSK_TRY(pop_vector_state(r.vector_state, self));

    context.r8 = r.r8, context.r9 = r.r9, context.r10 = r.r10, context.r11 = r.r11, context.r12 = r.r12;
    context.r13 = r.r13, context.r14 = r.r14, context.r15 = r.r15, context.rdi = r.rdi, context.rsi = r.rsi;
    context.rbp = r.rbp, context.rbx = r.rbx, context.rdx = r.rdx, context.rax = r.rax, context.rcx = r.rcx;
    context.rsp = r.rsp, context.rip = r.rip;
    context.rflags = (context.rflags & ~changeable_rflags) | (r.rflags & changeable_rflags);
    context.orig_rax = ~0ull;
    set_blocked(saved.mask);
    SignalStack stack = saved.stack;
    stack.flags &= ~ss_onstack;
    self.signal_stack = stack;
    return (saved.flags & flag_restart) != 0;
}

}  // namespace husk::thread
