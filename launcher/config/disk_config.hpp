// SPDX-License-Identifier: Apache-2.0
// One disk of a VM, as the user described it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace husk::config {

// What the host's page cache does: writeback uses it, and a flush of the guest reaches the medium; none goes around it
// (O_DIRECT); unsafe uses it, and a flush does nothing.
enum class DiskCache { writeback, none, unsafe };

inline constexpr std::uint32_t disk_queues_max = 8;  // what the guest's driver uses

struct DiskConfig {
    std::filesystem::path file;
    std::string mount_point;  // absolute; empty: the guest sees the device only
    bool read_only = false;
    DiskCache cache = DiskCache::writeback;
    std::string serial;                            // at most 20 bytes; empty: one is made from its number
    std::optional<std::filesystem::path> overlay;  // takes the writes; `file` is left as it is
    std::optional<std::filesystem::path> record;   // of all changes, for tests
    std::uint32_t queues = 1;                      // 0: one for each vCPU
    std::uint64_t bytes_per_second = 0;            // 0: no limit
    std::uint64_t operations_per_second = 0;       // 0: no limit
    bool is_directory = false;                     // --dir: `file` is a folder, shipped as an image made on the fly
};

}  // namespace husk::config
