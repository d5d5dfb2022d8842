// SPDX-License-Identifier: Apache-2.0
// The text form of option values, the same on the command line and in husk.toml.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/config/launch_config.hpp"

namespace husk::config {

// Each gives nothing when the text is not such a value; the matching *_form says what would be, for the message.

inline constexpr std::string_view size_form = "a size such as 64K, 512M or 8G";
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

// A number alone counts seconds, as timeout(1) has it.
inline constexpr std::string_view duration_form = "a time such as 500ms, 2s or 1m";
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

inline constexpr std::string_view huge_pages_form = "one of auto, 2M, 1G, thp, off";
[[nodiscard]] std::optional<HugePages> parse_huge_pages(std::string_view text);

inline constexpr std::string_view accelerator_form = "one of auto, kvm, qemu";
[[nodiscard]] std::optional<Accelerator> parse_accelerator(std::string_view text);

inline constexpr std::string_view stats_form = "one of none, text, json";
[[nodiscard]] std::optional<StatsFormat> parse_stats(std::string_view text);

inline constexpr std::string_view debug_address_form = "[HOST:]PORT, the port a number up to 65535";
[[nodiscard]] std::optional<DebugAddress> parse_debug_address(std::string_view text);

inline constexpr std::string_view environment_form = "a variable as NAME=VALUE";
[[nodiscard]] bool is_environment_entry(std::string_view text);

// Of virtual CPUs.
inline constexpr std::string_view cpu_count_form = "a number of virtual CPUs from 1 to 64";
inline constexpr std::uint32_t cpus_max = 64;
[[nodiscard]] std::optional<std::uint32_t> parse_cpu_count(std::string_view text);

inline constexpr std::string_view cpu_list_form = "numbers of CPUs such as 2,3 or 4-7";
[[nodiscard]] std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text);

inline constexpr std::string_view node_form = "the number of a NUMA node";
[[nodiscard]] std::optional<unsigned> parse_node(std::string_view text);

// Of a VM.
inline constexpr std::string_view vm_name_form =
    "1 to 48 letters, digits, '.', '_' or '-', with a letter or digit first";
inline constexpr std::size_t vm_name_max_bytes = 48;
[[nodiscard]] bool is_vm_name(std::string_view text);

// As Linux and DNS have it: labels of at most 63 bytes with dots between them.
inline constexpr std::string_view host_name_form =
    "1 to 64 letters, digits, '-' or '.', with a letter or digit at both ends of each part";
[[nodiscard]] bool is_host_name(std::string_view text);

inline constexpr std::string_view directory_form = "an absolute path such as /tmp";
[[nodiscard]] bool is_absolute_directory(std::string_view text);

// Adds "K=V", in the place of an entry with the same K.
void set_environment(std::vector<std::string>& environment, std::string entry);

}  // namespace husk::config
