// SPDX-License-Identifier: Apache-2.0
// Traps of ring 3: page faults are resolved where the address space allows it, everything else becomes a signal.
#include <cstdint>

#include "guest-runtime/arch/context.hpp"
#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/thread/attention.hpp"
#include "guest-runtime/thread/debugger.hpp"
#include "guest-runtime/thread/signal.hpp"
#include "guest-runtime/thread/signal_delivery.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::arch {

namespace {

namespace sig = thread::signal_number;

enum Vector : std::uint64_t {
    divide_error = 0,
    debug = 1,
    breakpoint = 3,
    overflow = 4,
    bound_range = 5,
    invalid_opcode = 6,
    segment_not_present = 11,
    stack_fault = 12,
    general_protection = 13,
    page_fault = 14,
    x87_error = 16,
    alignment_check = 17,
    simd_error = 19,
};

// Page-fault error code bits [sdm3 4.7].
constexpr std::uint64_t fault_was_write = 1u << 1;
constexpr std::uint64_t fault_was_fetch = 1u << 4;

// si_code of SIGFPE from the exception flags of x87 or MXCSR that are raised and unmasked [sdm1 8.5, 11.5].
int floating_point_code(std::uint32_t flags) {
    if ((flags & 0x01) != 0) return 7;  // FPE_FLTINV
    if ((flags & 0x04) != 0) return 3;  // FPE_FLTDIV
    if ((flags & 0x08) != 0) return 4;  // FPE_FLTOVF
    if ((flags & 0x12) != 0) return 5;  // FPE_FLTUND
    if ((flags & 0x20) != 0) return 6;  // FPE_FLTRES
    return 0;
}

thread::SignalInfo signal_of(std::uint64_t vector, const Context& context) {
    switch (vector) {
        case divide_error:
            return thread::fault_info(sig::fpe, 1, context.rip, vector);
        case debug:
            return thread::fault_info(sig::trap, 2, context.rip, vector);
        case breakpoint:
            return thread::fault_info(sig::trap, thread::si_kernel, 0, vector);
        case invalid_opcode:
            return thread::fault_info(sig::ill, 2, context.rip, vector);
        case segment_not_present:
        case stack_fault:
            return thread::fault_info(sig::bus, thread::si_kernel, 0, vector);
        case x87_error:
            return thread::fault_info(sig::fpe, floating_point_code(read_x87_exceptions()), context.rip, vector);
        case simd_error:
            return thread::fault_info(sig::fpe, floating_point_code(read_simd_exceptions()), context.rip, vector);
        case alignment_check:
            return thread::fault_info(sig::bus, 1, 0, vector);
        default:
            return thread::fault_info(sig::segv, thread::si_kernel, 0, vector);
    }
}

[[noreturn]] void die_in_runtime(const Context& context, std::uint64_t vector, std::uint64_t cr2) {
    char buffer[128];
    TextWriter text(buffer);
    text.text("trap ").decimal(vector).text(" in the runtime at 0x").hex(context.rip);
    if (vector == page_fault) text.text(" touching 0x").hex(cr2);
    panic(text.view());
}

// Whether the runtime was copying to or from the application: the one place in it where a page may be missing.
bool is_user_copy(std::uint64_t rip) {
    // SAFETY: addresses only.
    return rip >= reinterpret_cast<std::uint64_t>(&husk_copy) && rip < reinterpret_cast<std::uint64_t>(husk_copy_end);
}

// Whether it was trying what lies in the application's memory, under a lock: then nothing can be faulted in.
bool is_user_trial(std::uint64_t rip) {
    // SAFETY: addresses only.
    return rip >= reinterpret_cast<std::uint64_t>(&husk_try_load32) &&
           rip < reinterpret_cast<std::uint64_t>(husk_trial_end);
}

// A debugger sees it first, and may have other ideas.
void raise(Context& context, const thread::SignalInfo& info) {
    if (thread::debugger_is_attached() && !thread::stop_at_fault(info.number, context)) return;
    thread::force_signal(info);
}

void page_fault_trap(Context& context, std::uint64_t error, std::uint64_t address) {
    bool in_runtime = is_runtime_text(context.rip);
    if (in_runtime && is_user_trial(context.rip)) {
        context.rip = reinterpret_cast<std::uint64_t>(husk_copy_fault);  // SAFETY: an address only
        return;
    }
    if (in_runtime && !is_user_copy(context.rip)) die_in_runtime(context, page_fault, address);
    memory::Access access{(error & fault_was_write) != 0, (error & fault_was_fetch) != 0};
    memory::FaultAnswer answer = memory::handle_fault(address, access);
    if (answer == memory::FaultAnswer::resolved) return;
    if (in_runtime) {
        context.rip = reinterpret_cast<std::uint64_t>(husk_copy_fault);  // SAFETY: an address only
        return;
    }
    switch (answer) {
        case memory::FaultAnswer::not_mapped:
            return raise(context, thread::fault_info(sig::segv, 1, address, page_fault, error));
        case memory::FaultAnswer::not_allowed:
            return raise(context, thread::fault_info(sig::segv, 2, address, page_fault, error));
        case memory::FaultAnswer::out_of_memory:
            log_line("out of memory: a touched page has no frame left");
            [[fallthrough]];
        default:
            return raise(context, thread::fault_info(sig::bus, 2, address, page_fault, error));
    }
}

}  // namespace

}  // namespace husk::arch

extern "C" void husk_trap(husk::arch::Context* context, std::uint64_t vector, std::uint64_t error, std::uint64_t cr2) {
    using namespace husk;
    bool in_runtime = arch::is_runtime_text(context->rip);
    if (vector == arch::page_fault) {
        arch::page_fault_trap(*context, error, cr2);
    } else if ((vector == arch::debug || vector == arch::breakpoint) && thread::debugger_is_attached() &&
               thread::take_debug_trap(vector, *context)) {
        // Whatever the debugger said is in the context.
    } else {
        if (in_runtime) arch::die_in_runtime(*context, vector, cr2);
        arch::raise(*context, arch::signal_of(vector, *context));
    }
    if (!in_runtime && (thread::has_work(thread::current()) || thread::wants_attention())) husk_leave_runtime(context);
}
