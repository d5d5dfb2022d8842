// SPDX-License-Identifier: Apache-2.0
// Which system call a `syscall` makes, when the code directly before it says so.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "toolchain/image/address_set.hpp"
#include "toolchain/image/code_map.hpp"

namespace husk::toolchain {

// The constant that rax holds at `site` on every way there; nothing when it is computed, or control may enter between
// the constant and the site. `instructions` by address, from `code`; `entered`: where control may enter.
[[nodiscard]] std::optional<std::uint32_t> find_call_number(std::span<const Instruction> instructions,
                                                            std::span<const CodeBytes> code, const AddressSet& entered,
                                                            std::uint64_t site);

}  // namespace husk::toolchain
