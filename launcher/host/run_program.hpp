// SPDX-License-Identifier: Apache-2.0
// Runs another program of the host and waits for it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace husk::host {

// In the folders of PATH and, since tools for file systems are often only there, in /usr/sbin and /sbin.
[[nodiscard]] std::optional<std::filesystem::path> find_program(std::string_view name);

struct ProgramResult {
    int exit_status = 0;  // 128 + signal when one ended it
    std::string errors;   // the end of what it wrote to stderr
};

// stdin and stdout are /dev/null. inherited_fd, when not -1, is open in the program as descriptor 3. Throws
// host::Error.
[[nodiscard]] ProgramResult run_program(const std::filesystem::path& program, std::vector<std::string> arguments,
                                        int inherited_fd = -1);

inline constexpr int inherited_descriptor = 3;

}  // namespace husk::host
