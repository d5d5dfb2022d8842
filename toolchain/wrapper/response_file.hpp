// SPDX-License-Identifier: Apache-2.0
// Response files (@file) as gcc reads them.
#pragma once

#include <string>
#include <vector>

namespace husk::toolchain {

// Splits at white space; quotes and backslashes protect it.
[[nodiscard]] std::vector<std::string> split_response(const std::string& text);

// Replaces each @file by its arguments, also inside such files. A name that cannot be read stays as it is.
[[nodiscard]] std::vector<std::string> expand_response_files(const std::vector<std::string>& arguments);

}  // namespace husk::toolchain
