// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/net_values.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <string>

namespace husk::config {

std::string_view take_part(std::string_view& text, char separator) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    return part;
}

bool is_ipv4(std::string_view text) {
    in_addr address{};
    return ::inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool is_ipv6(std::string_view text) {
    in6_addr address{};
    return ::inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

bool is_network_address(std::string_view text) {
    const std::string_view address = take_part(text, '/');
    constexpr std::uint32_t ipv4_bits = 32, ipv6_bits = 128;
    return (is_ipv4(address) && parse_number<int>(text, 1, ipv4_bits)) ||
           (is_ipv6(address) && parse_number<int>(text, 1, ipv6_bits));
}

std::optional<MacAddress> parse_mac(std::string_view text) {
    MacAddress mac{};
    for (std::uint8_t& byte : mac) {
        const std::string_view part = take_part(text, ':');
        const auto value = parse_number<std::uint8_t>(part, 0, UINT8_MAX, 16);
        if (!value || part.size() != 2) return std::nullopt;
        byte = *value;
    }
    constexpr std::uint8_t group_bit = 1;
    if (!text.empty() || (mac[0] & group_bit) != 0 || mac == MacAddress{}) return std::nullopt;
    return mac;
}

bool is_interface_name(std::string_view text) {
    return !text.empty() && text.size() < IFNAMSIZ && text.find_first_of("/ \t\n") == std::string_view::npos;
}

}  // namespace husk::config
