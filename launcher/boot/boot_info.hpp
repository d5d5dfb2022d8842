// SPDX-License-Identifier: Apache-2.0
// The boot record with everything that its offsets point to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <husk/abi/boot_info.hpp>

namespace husk::boot {

// What BootInfo's variable part is made of.
struct BootBlobs {
    std::span<const abi::CpuidEntry> cpuid;
    std::string_view program;  // argv[0]
    std::span<const std::string> arguments;
    std::span<const std::string> environment;
    std::string_view working_directory;
    std::span<const std::string> settings;  // "name=value", see abi::BootInfo::settings
    std::span<const abi::DeviceRecord> devices;
};

// Bytes that write_boot_info will fill.
[[nodiscard]] std::uint64_t boot_info_bytes(const BootBlobs& blobs);

// Stores `info` and the blobs in `to`, which has boot_info_bytes; magic, version, sizes and offsets are filled in.
void write_boot_info(abi::BootInfo info, const BootBlobs& blobs, std::span<std::byte> to);

}  // namespace husk::boot
