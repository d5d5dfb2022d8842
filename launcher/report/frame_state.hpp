// SPDX-License-Identifier: Apache-2.0
// The registers of one call frame under their DWARF numbers [sysv-amd64 figure 3.36].
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <husk/abi/crash_record.hpp>

namespace husk::report {

namespace dwarf_register {
inline constexpr unsigned rbp = 6;
inline constexpr unsigned rsp = 7;
inline constexpr unsigned rip = 16;
inline constexpr unsigned count = 17;
}  // namespace dwarf_register

struct FrameState {
    std::array<std::optional<std::uint64_t>, dwarf_register::count> registers;  // nothing: not known in this frame

    [[nodiscard]] std::uint64_t pc() const { return registers[dwarf_register::rip].value_or(0); }
    [[nodiscard]] std::uint64_t stack_pointer() const { return registers[dwarf_register::rsp].value_or(0); }
};

[[nodiscard]] constexpr FrameState first_frame(const abi::CrashRegisters& r) {
    return {{r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14,
             r.r15, r.rip}};
}

}  // namespace husk::report
