// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/interface_control.hpp"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

namespace {

using config::fill_in;

ifreq request_for(const std::string& name) {
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    return request;
}

// Any socket will do to ask for interfaces.
host::FileDescriptor control_socket() {
    host::FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) throw host::errno_error("cannot make a socket to configure interfaces");
    return socket;
}

[[noreturn]] void refuse(const std::string& what, const std::string& name) {
    const int error = errno;
    if (error == EPERM || error == EACCES) {
        throw host::Error(host::ExitCode::net_permission,
                          fill_in("no permission to {} {}: run husk as root, or give it CAP_NET_ADMIN", what, name));
    }
    if (error == ENODEV)
        throw host::Error(host::ExitCode::net_missing, fill_in("there is no network interface {}", name));
    throw host::errno_error(fill_in("cannot {} {}", what, name), error);
}

void set_up(const std::string& name, bool is_up) {
    const host::FileDescriptor socket = control_socket();
    ifreq request = request_for(name);
    if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) refuse("look at", name);
    if (((request.ifr_flags & IFF_UP) != 0) == is_up) return;
    request.ifr_flags = static_cast<short>(is_up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) refuse(is_up ? "bring up" : "take down", name);
}

}  // namespace

bool interface_exists(const std::string& name) { return ::if_nametoindex(name.c_str()) != 0; }

bool is_bridge(const std::string& name) { return ::access(("/sys/class/net/" + name + "/bridge").c_str(), F_OK) == 0; }

std::uint32_t interface_mtu(const std::string& name) {
    ifreq request = request_for(name);
    return ::ioctl(control_socket().get(), SIOCGIFMTU, &request) == 0 ? static_cast<std::uint32_t>(request.ifr_mtu) : 0;
}

void set_interface_up(const std::string& name) { set_up(name, true); }

void set_interface_down(const std::string& name) { set_up(name, false); }

void set_interface_address(const std::string& name, const std::string& address, int network_bits) {
    const host::FileDescriptor socket = control_socket();
    const auto set = [&](unsigned long what, std::uint32_t network_order) {
        sockaddr_in value{};
        value.sin_family = AF_INET;
        value.sin_addr.s_addr = network_order;
        ifreq request = request_for(name);
        std::memcpy(&request.ifr_addr, &value, sizeof value);
        if (::ioctl(socket.get(), what, &request) != 0) refuse(fill_in("give {} to", address), name);
    };
    in_addr parsed{};
    if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1)
        throw host::Error(host::ExitCode::usage, fill_in("'{}' is no IPv4 address", address));
    set(SIOCSIFADDR, parsed.s_addr);
    set(SIOCSIFNETMASK, htonl(UINT32_MAX << (32 - network_bits)));
}

void make_bridge(const std::string& name) {
    if (::ioctl(control_socket().get(), SIOCBRADDBR, name.c_str()) != 0) refuse("make the bridge", name);
}

void remove_bridge(const std::string& name) {
    set_interface_down(name);
    if (::ioctl(control_socket().get(), SIOCBRDELBR, name.c_str()) != 0) refuse("remove the bridge", name);
}

void set_interface_mtu(const std::string& name, std::uint32_t mtu) {
    ifreq request = request_for(name);
    request.ifr_mtu = static_cast<int>(mtu);
    if (::ioctl(control_socket().get(), SIOCSIFMTU, &request) != 0) refuse(fill_in("set the MTU {} of", mtu), name);
}

void join_bridge(const std::string& bridge, const std::string& member) {
    ifreq request = request_for(bridge);
    request.ifr_ifindex = static_cast<int>(::if_nametoindex(member.c_str()));
    if (::ioctl(control_socket().get(), SIOCBRADDIF, &request) != 0)
        refuse(fill_in("let {} join the bridge", member), bridge);
}

}  // namespace husk::backend
