// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/arch/mmio.hpp"

namespace husk::arch {

std::uint8_t read_mmio8(std::uint64_t address) { return *reinterpret_cast<volatile const std::uint8_t*>(address); }

std::uint16_t read_mmio16(std::uint64_t address) { return *reinterpret_cast<volatile const std::uint16_t*>(address); }

std::uint32_t read_mmio32(std::uint64_t address) { return *reinterpret_cast<volatile const std::uint32_t*>(address); }

void write_mmio32(std::uint64_t address, std::uint32_t value) {
    *reinterpret_cast<volatile std::uint32_t*>(address) = value;
}

}  // namespace husk::arch
