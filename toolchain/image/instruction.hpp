// SPDX-License-Identifier: Apache-2.0
// One x86-64 instruction as far as moving it matters: length, where control goes, what depends on its address.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace husk::toolchain {

enum class Flow : std::uint8_t {
    next,         // goes on behind itself; also every call, which comes back
    conditional,  // goes on or jumps to `target`
    jump,         // to `target`, or somewhere unknown when `target` is 0
    stop,         // ret, ud2, hlt: nothing behind it is reached through it
};

enum class Site : std::uint8_t { none, syscall, cpuid };

struct Instruction {
    std::uint64_t address = 0;
    std::uint64_t target = 0;  // of a direct jump or call; 0: none
    std::uint8_t length = 0;
    Flow flow = Flow::next;
    Site site = Site::none;
    bool movable = false;                  // does the same at another address once its displacement is re-biased
    bool movable_last = false;             // so is this, but nothing moved may follow it: a direct jump or ret
    std::uint8_t condition = 0;            // of a conditional jump that is movable_last: the cc of its opcode
    bool loads_signal_return = false;      // puts rt_sigreturn's number into rax
    std::uint8_t displacement_offset = 0;  // of a 32-bit RIP-relative displacement; 0: none
    std::uint64_t reference = 0;           // what that displacement points at

    [[nodiscard]] std::uint64_t end() const { return address + length; }
};

// Decodes the instruction at the start of `code`; nothing when the bytes are no instruction.
[[nodiscard]] std::optional<Instruction> try_decode(std::span<const std::uint8_t> code, std::uint64_t address);

}  // namespace husk::toolchain
