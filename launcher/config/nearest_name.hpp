// SPDX-License-Identifier: Apache-2.0
// The name that somebody who mistyped one may have meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace husk::config {

// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `names`, or an empty string when none is near.
[[nodiscard]] std::string_view nearest_name(std::string_view word, std::span<const std::string_view> names);

// "; did you mean '<name>'?" or an empty string.
[[nodiscard]] std::string suggest_name(std::string_view word, std::span<const std::string_view> names);

}  // namespace husk::config
