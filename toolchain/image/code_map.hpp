// SPDX-License-Identifier: Apache-2.0
// The instructions of a program, found by following control flow from known entries: data among code is never decoded.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "toolchain/image/instruction.hpp"

namespace husk::toolchain {

// One executable section.
struct CodeBytes {
    std::uint64_t address = 0;
    std::span<const std::uint8_t> bytes;

    [[nodiscard]] bool contains(std::uint64_t a) const { return a >= address && a - address < bytes.size(); }
};

struct CodeMap {
    std::vector<Instruction> instructions;  // by address; two overlap where a jump skips a prefix
    std::vector<std::uint64_t>
        jump_targets;  // of direct jumps and calls, and code addresses that instructions form; unsorted
};

// Decodes what is reachable from `entries`. Entries outside `code` are ignored.
[[nodiscard]] CodeMap explore(std::span<const CodeBytes> code, std::span<const std::uint64_t> entries);

}  // namespace husk::toolchain
