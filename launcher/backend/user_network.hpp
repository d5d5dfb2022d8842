// SPDX-License-Identifier: Apache-2.0
// A network without privileges: husk-user-net, a process of its own, plays router, DHCP and name server for the guest
// and makes its connections with sockets of the host.
//
// It is another program so that libslirp and its libraries cost only those who use them, and so that what a hostile
// guest could do to them is done to a process that has nothing but one socket.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "launcher/backend/net_backend.hpp"
#include "launcher/config/net_config.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

inline constexpr const char* user_network_program = "husk-user-net";

// A frame costs the same whatever its size, and none reaches a wire. Two fill the window of 64 KiB that libslirp
// has, which does not scale it.
inline constexpr std::uint32_t user_network_mtu = 32768;

// Beside this program, or where it is installed. Empty: nowhere.
[[nodiscard]] std::filesystem::path find_user_network();

// The process, and this end of its socket, by which Ethernet frames go and come as packets.
struct UserNetworkProcess {
    host::FileDescriptor socket;
    pid_t id = -1;
};

// Starts it; it ends with this process, or when this end is closed. Throws host::Error: user_network, net_busy (a
// published port is in use), net_permission (a port that only root may use).
[[nodiscard]] UserNetworkProcess start_user_network_process(const config::NetConfig& net);
[[nodiscard]] std::unique_ptr<NetBackend> start_user_network(const config::NetConfig& net);

}  // namespace husk::backend
