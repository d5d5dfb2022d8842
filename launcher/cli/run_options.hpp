// SPDX-License-Identifier: Apache-2.0
// The options of `husk run`.
#pragma once

#include <span>
#include <string>

#include "launcher/cli/command.hpp"

namespace husk::cli {

// Reads --config first where it is given: the command line wins. Throws host::Error.
[[nodiscard]] Command parse_run(std::span<const char* const> words);

[[nodiscard]] std::string run_help();

}  // namespace husk::cli
