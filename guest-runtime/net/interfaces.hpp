// SPDX-License-Identifier: Apache-2.0
// Network interfaces as Linux shows them: names, numbers, flags. All with the stack's lock held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "guest-runtime/base/result.hpp"

struct netif;

namespace husk::net {

namespace interface_flag {
inline constexpr std::uint32_t up = 0x1, broadcast = 0x2, loopback = 0x8, running = 0x40, multicast = 0x1000,
                               lower_up = 0x10000;
}

inline constexpr std::uint8_t loopback_number = 1;

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

// For SO_BINDTODEVICE; these take the stack's lock. The number of the interface that the bytes name, up to a NUL; 0 for
// the empty name. ENODEV.
Result<std::uint32_t> interface_by_name(std::span<const std::byte> name);
// The name with its NUL and how long that is; 0 bytes for number 0. EINVAL without room.
Result<std::size_t> put_interface_name(std::span<std::byte> to, std::uint32_t number);

}  // namespace husk::net
