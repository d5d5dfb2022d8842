// SPDX-License-Identifier: Apache-2.0
// Sentences with values filled in, without iostreams and locales.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace husk::config {

// A number to print as 0x1f.
struct Hex {
    std::uint64_t value;
};

namespace text_detail {

inline std::string to_text(std::string_view text) { return std::string(text); }
template <std::integral Integer>
std::string to_text(Integer value) {
    return std::to_string(value);
}
[[nodiscard]] std::string to_text(Hex number);
[[nodiscard]] std::string replace_next(std::string_view text, std::size_t& position, std::string_view value);

}  // namespace text_detail

// Each {} of `text` becomes the next value: text, an integer, or Hex.
template <class... Values>
[[nodiscard]] std::string fill_in(std::string_view text, const Values&... values) {
    std::string result;
    std::size_t position = 0;
    ((result += text_detail::replace_next(text, position, text_detail::to_text(values))), ...);
    return result.append(text.substr(position));
}

}  // namespace husk::config
