// SPDX-License-Identifier: Apache-2.0
// A disk as text: one word on the command line, or the keys of a [[disk]] table.
//
//   data.img   data.img:/data   seed.img:/srv:ro   base.img,overlay=delta.img,cache=none:/data
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/config/disk_config.hpp"

namespace husk::config {

// Each returns an empty string, or what is wrong, to follow the name of the option or key.

inline constexpr std::string_view disk_form = "FILE[,OPTION...][:MOUNT[:ro]], such as data.img,cache=none:/data";
[[nodiscard]] std::string parse_disk(std::string_view text, DiskConfig& disk);

inline constexpr std::string_view directory_disk_form = "HOSTDIR:MOUNT, such as ./site:/srv";
[[nodiscard]] std::string parse_directory_disk(std::string_view text, DiskConfig& disk);

// The options behind FILE: ro, serial, cache, overlay, record, queues, bps, iops.
[[nodiscard]] std::string set_disk_option(std::string_view name, std::string_view value, DiskConfig& disk);
[[nodiscard]] std::string set_mount_point(std::string_view path, DiskConfig& disk);

// How many virtqueues its device has.
[[nodiscard]] std::uint32_t queues_of(const DiskConfig& disk, std::uint32_t vcpus);

// "vda", "vdb", ... as Linux would call the n-th one.
[[nodiscard]] std::string disk_name(std::size_t index);

// What the guest is to mount, as abi::BootInfo::settings has it: "mount=vda:/data", ":ro" behind it.
[[nodiscard]] std::vector<std::string> mount_settings(std::span<const DiskConfig> disks);

// What no two disks may have in common, and no disk may combine.
[[nodiscard]] std::string check_disks(std::span<const DiskConfig> disks);

}  // namespace husk::config
