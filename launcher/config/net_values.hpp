// SPDX-License-Identifier: Apache-2.0
// The single values of a network's text form: numbers, addresses, names.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include "launcher/config/net_config.hpp"

namespace husk::config {

// The text up to the next separator, which is taken off.
[[nodiscard]] std::string_view take_part(std::string_view& text, char separator);

// Nothing when the text is no number from `least` to `most`.
template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text, std::uint64_t least, std::uint64_t most,
                                                 int base = 10) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc() || end != text.data() + text.size() || number < least || number > most)
        return std::nullopt;
    return static_cast<Number>(number);
}

[[nodiscard]] bool is_ipv4(std::string_view text);
[[nodiscard]] bool is_ipv6(std::string_view text);
// An address with the bits of its network: 10.0.0.2/24.
[[nodiscard]] bool is_network_address(std::string_view text);

// Of one station: neither all zero nor a group's.
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);

// What Linux takes as the name of an interface.
[[nodiscard]] bool is_interface_name(std::string_view text);

}  // namespace husk::config
