// SPDX-License-Identifier: Apache-2.0
// The command lines of husk ps, top, stats, stop, pause and resume.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "launcher/cli/command.hpp"

namespace husk::cli {

[[nodiscard]] bool is_vm_command(std::string_view command);

// `words` are those behind the command. Throws host::Error: usage.
[[nodiscard]] Command parse_vm_command(std::string_view command, std::span<const char* const> words);

[[nodiscard]] std::string vm_help(std::string_view command);

}  // namespace husk::cli
