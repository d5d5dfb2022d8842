// SPDX-License-Identifier: Apache-2.0
// Device registers in memory: each access happens once, in order, at its width.
#pragma once

#include <cstdint>

namespace husk::arch {

inline std::uint32_t read_mmio32(std::uint64_t address) {
    return *reinterpret_cast<volatile const std::uint32_t*>(address);
}
inline void write_mmio32(std::uint64_t address, std::uint32_t value) {
    *reinterpret_cast<volatile std::uint32_t*>(address) = value;
}

}  // namespace husk::arch
