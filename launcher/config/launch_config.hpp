// SPDX-License-Identifier: Apache-2.0
// Everything one run of a VM needs to know, whichever of command line and husk.toml said it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launcher/config/debug_config.hpp"
#include "launcher/config/disk_config.hpp"
#include "launcher/config/net_config.hpp"

namespace husk::config {

enum class HugePages { automatic, size_2m, size_1g, thp, off };
enum class Accelerator { automatic, kvm, qemu };
enum class StatsFormat { none, text, json };

struct MemoryPlacement {
    std::optional<unsigned> node;  // all of it on this NUMA node
    bool is_mergeable = false;     // KSM may share pages that are equal to another VM's
};

struct LaunchConfig {
    std::filesystem::path image;
    std::string name;                      // of the VM; empty: made from the image
    std::string host_name;                 // what the guest calls itself; empty: the runtime's own
    std::vector<std::string> arguments;    // behind argv[0], which is the image path
    std::vector<std::string> environment;  // "K=V"; nothing of the host's is passed on by itself
    std::string working_directory = "/";
    std::uint64_t memory_bytes = 256ull << 20;
    std::optional<std::uint64_t> memory_target_bytes;  // the guest gives free memory back down to it
    HugePages huge_pages = HugePages::automatic;
    MemoryPlacement placement;
    std::uint32_t cpus = 1;      // virtual ones
    std::vector<unsigned> pins;  // the host's CPU of each vCPU; empty: any
    Accelerator accelerator = Accelerator::automatic;
    std::vector<DiskConfig> disks;    // vda, vdb, ...
    std::vector<NetConfig> networks;  // eth0, eth1, ...
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<std::filesystem::path> core_file;
    DebugConfig debug;
    StatsFormat stats = StatsFormat::none;
    bool verbose = false;
};

}  // namespace husk::config
