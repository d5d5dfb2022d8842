// SPDX-License-Identifier: Apache-2.0
// A configuration file's text.
#pragma once

#include <filesystem>
#include <string>

namespace husk::config {

// Throws host::Error (config_file): missing, unreadable, or larger than config_file_bytes_max.
[[nodiscard]] std::string read_text_file(const std::filesystem::path& path);

}  // namespace husk::config
