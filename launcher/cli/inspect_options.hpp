// SPDX-License-Identifier: Apache-2.0
// The options of `husk inspect`.
#pragma once

#include <span>
#include <string>

#include "launcher/cli/command.hpp"

namespace husk::cli {

// Throws host::Error (usage).
[[nodiscard]] Command parse_inspect(std::span<const char* const> words);

[[nodiscard]] std::string inspect_help();

}  // namespace husk::cli
