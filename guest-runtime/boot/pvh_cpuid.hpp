// SPDX-License-Identifier: Apache-2.0
// The answers of cpuid, collected once for the application's patched sites.
#pragma once

#include <cstddef>
#include <span>

#include <husk/abi/boot_info.hpp>

namespace husk::boot::pvh {

inline constexpr std::size_t most_cpuid_entries = 160;

// After XCR0 is set, which some answers depend on. Returns how many were stored.
std::size_t read_cpuid(std::span<abi::CpuidEntry> to);

}  // namespace husk::boot::pvh
