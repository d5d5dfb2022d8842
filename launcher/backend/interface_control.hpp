// SPDX-License-Identifier: Apache-2.0
// Network interfaces of the host by name: whether they exist, their MTU, up, and a bridge's members.
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
void set_interface_mtu(const std::string& name, std::uint32_t mtu);
void join_bridge(const std::string& bridge, const std::string& member);

}  // namespace husk::backend
