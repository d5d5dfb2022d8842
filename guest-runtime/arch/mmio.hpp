// SPDX-License-Identifier: Apache-2.0
// Device registers in memory: each access happens once, in order, at its width.
#pragma once

#include <cstdint>

namespace husk::arch {

std::uint8_t read_mmio8(std::uint64_t address);
std::uint16_t read_mmio16(std::uint64_t address);
std::uint32_t read_mmio32(std::uint64_t address);
void write_mmio32(std::uint64_t address, std::uint32_t value);

}  // namespace husk::arch
