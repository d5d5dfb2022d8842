// SPDX-License-Identifier: Apache-2.0
// What /proc and /sys tell about the machine and the process, asked of those who know.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace husk::fs::facts {

// NUL-terminated strings one after the other.
std::string_view argument_block();
std::string_view environment_block();
std::string_view working_directory();
std::string_view image_path();
std::span<const std::byte> auxiliary_vector();

struct CpuidAnswer {
    std::uint32_t eax, ebx, ecx, edx;
};
CpuidAnswer cpuid(std::uint32_t leaf, std::uint32_t subleaf);
std::uint64_t tsc_hz();

struct SystemNames {
    std::string_view system, node, release, version;
};
SystemNames system_names();

}  // namespace husk::fs::facts
