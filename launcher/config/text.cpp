// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/text.hpp"

#include <array>
#include <charconv>

namespace husk::config::text_detail {

std::string to_text(Hex number) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number.value, 16).ptr;
    return "0x" + std::string(digits.data(), end);
}

// What stands from `position` to the next {}, and `value`; `position` moves behind the {}.
std::string replace_next(std::string_view text, std::size_t& position, std::string_view value) {
    const std::size_t hole = text.find("{}", position);
    if (hole == std::string_view::npos) return {};
    std::string piece(text.substr(position, hole - position));
    position = hole + 2;
    return piece.append(value);
}

}  // namespace husk::config::text_detail
