// SPDX-License-Identifier: Apache-2.0
// husk.toml: the launcher's options in a file, under the same names.
//
//   image = "build/app"          # relative paths are relative to the file's folder
//   args = ["--port", "80"]
//   memory = "512M"
//   [[disk]]                     # file or dir, mount, ro, serial, cache, overlay, bps, iops
//   file = "data.img"
//   mount = "/data"
//   env = { LANG = "C.UTF-8" }   # or ["LANG=C.UTF-8"]
#pragma once

#include <filesystem>
#include <string_view>

#include "launcher/config/launch_config.hpp"

namespace husk::config {

inline constexpr std::size_t config_file_bytes_max = 1 << 20;

// Sets what the text names and leaves the rest of `config`. Throws host::Error with "<name>:<line>: ...".
void read_config(std::string_view text, const std::filesystem::path& name, LaunchConfig& config);

// The same from a file.
void read_config_file(const std::filesystem::path& path, LaunchConfig& config);

}  // namespace husk::config
