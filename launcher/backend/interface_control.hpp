// SPDX-License-Identifier: Apache-2.0
// Network interfaces of the host by name: whether they exist, up or down, MTU, address; bridges and their members.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace husk::backend {

// What `husk net up` makes.
inline constexpr std::string_view default_bridge = "husk0";

[[nodiscard]] bool interface_exists(const std::string& name);
[[nodiscard]] bool is_bridge(const std::string& name);

// 0: there is none of that name.
[[nodiscard]] std::uint32_t interface_mtu(const std::string& name);

// These throw host::Error: net_permission, net_missing, host_failure.
void set_interface_up(const std::string& name);
void set_interface_down(const std::string& name);
// The one IPv4 address, with its network's bits.
void set_interface_address(const std::string& name, const std::string& address, int network_bits);
void make_bridge(const std::string& name);
void remove_bridge(const std::string& name);
void set_interface_mtu(const std::string& name, std::uint32_t mtu);
void join_bridge(const std::string& bridge, const std::string& member);

}  // namespace husk::backend
