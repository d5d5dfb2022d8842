// SPDX-License-Identifier: Apache-2.0
// Where exceptions enter functions: jump targets that no relocation and no instruction names.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "toolchain/image/patch_plan.hpp"

namespace husk::toolchain {

// A loaded table and the address it lies at.
struct TableBytes {
    std::uint64_t address = 0;
    std::span<const std::uint8_t> bytes;
};

struct LandingPads {
    std::vector<std::uint64_t> addresses;
    std::vector<AddressRange> unreadable;  // functions whose table makes no sense: control may enter anywhere
};

// Reads .eh_frame and the language-specific areas in .gcc_except_table that it points to.
[[nodiscard]] LandingPads read_landing_pads(const TableBytes& eh_frame, const TableBytes& except_table);

}  // namespace husk::toolchain
