// SPDX-License-Identifier: Apache-2.0
// Makes a text in a child process that may crash or hang without harm.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace husk::report {

inline constexpr unsigned isolated_seconds_max = 10;
inline constexpr std::size_t isolated_text_bytes_max = 1 << 20;

// Nothing when the child failed, crashed or took too long.
[[nodiscard]] std::optional<std::string> run_isolated(const std::function<std::string()>& make_text);

}  // namespace husk::report
