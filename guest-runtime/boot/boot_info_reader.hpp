// SPDX-License-Identifier: Apache-2.0
// Checks a boot-info record before anything in it is used.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <husk/abi/boot_info.hpp>

#include "guest-runtime/base/result.hpp"

namespace husk::boot {

struct BootView {
    const abi::BootInfo* info;
    std::span<const abi::CpuidEntry> cpuid;
    std::span<const abi::DeviceRecord> devices;
    std::string_view arguments;  // NUL-terminated strings one after the other; info->arguments.count of them
    std::string_view environment;
    std::string_view settings;
    std::string_view working_directory;  // without its NUL
};

// `memory` begins with the record and holds at least all it points to. EINVAL for a wrong magic, number, size, or an
// offset that leads outside; EPROTONOSUPPORT for another ABI number.
Result<BootView> read_boot_info(std::span<const std::byte> memory);

// Leaf 1, all 0 when it is missing.
abi::CpuidEntry feature_leaf(std::span<const abi::CpuidEntry> cpuid);

}  // namespace husk::boot
