// SPDX-License-Identifier: Apache-2.0
// Network interfaces as Linux shows them: names, numbers, flags. All with the stack's lock held.
#pragma once

#include <cstdint>
#include <string_view>

struct netif;

namespace husk::net {

namespace interface_flag {
inline constexpr std::uint32_t up = 0x1, broadcast = 0x2, loopback = 0x8, running = 0x40, multicast = 0x1000,
                               lower_up = 0x10000;
}

// "lo", "eth0".
struct InterfaceName {
    static constexpr std::size_t max_bytes = 16;  // IFNAMSIZ, NUL included
    char text[max_bytes];
    [[nodiscard]] std::string_view view() const { return text; }
};

InterfaceName name_of(const netif& interface);
netif* interface_named(std::string_view name);
std::uint32_t flags_of(const netif& interface);
std::uint32_t mtu_of(const netif& interface);

}  // namespace husk::net
