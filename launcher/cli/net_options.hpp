// SPDX-License-Identifier: Apache-2.0
// The command line of `husk net`.
#pragma once

#include <span>
#include <string>

#include "launcher/cli/command.hpp"

namespace husk::cli {

[[nodiscard]] Command parse_net_command(std::span<const char* const> words);
[[nodiscard]] std::string net_help();

}  // namespace husk::cli
