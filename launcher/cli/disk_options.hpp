// SPDX-License-Identifier: Apache-2.0
// `husk disk create`: its words and options.
#pragma once

#include <span>
#include <string>

#include "launcher/cli/command.hpp"

namespace husk::cli {

// `words` are those behind "disk". Throws host::Error (usage).
[[nodiscard]] Command parse_disk_command(std::span<const char* const> words);

[[nodiscard]] std::string disk_help();

}  // namespace husk::cli
