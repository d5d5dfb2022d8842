// SPDX-License-Identifier: Apache-2.0
// Options of a UDP socket.
#include <lwip/udp.h>

#include "guest-runtime/net/multicast.hpp"
#include "guest-runtime/net/option_value.hpp"
#include "guest-runtime/net/route_mtu.hpp"
#include "guest-runtime/net/stack.hpp"
#include "guest-runtime/net/udp_option_numbers.hpp"
#include "guest-runtime/net/udp_socket.hpp"

namespace husk::net {

void UdpSocket::on_option_changed(int) { apply_options(); }

void UdpSocket::apply_options() {
    StackGuard guard;
    ip_reset_option(pcb_, SOF_REUSEADDR | SOF_BROADCAST);
    if (options_.reuse_address || options_.reuse_port) ip_set_option(pcb_, SOF_REUSEADDR);
    if (options_.broadcast) ip_set_option(pcb_, SOF_BROADCAST);
    pcb_->ttl = ip_.hop_limit;
    pcb_->tos = ip_.traffic_class;
    pcb_->netif_idx = options_.stack_interface();
    udp_set_multicast_ttl(pcb_, ip_.multicast_hops);
    udp_set_multicast_netif_index(pcb_, static_cast<u8_t>(ip_.multicast_interface.load()));
    udp_clear_flags(pcb_, UDP_FLAGS_MULTICAST_LOOP);
    if (ip_.multicast_loops) udp_set_flags(pcb_, UDP_FLAGS_MULTICAST_LOOP);
}

Result<> UdpSocket::change_membership(int level, int option, std::span<const std::byte> value) {
    StackGuard guard;
    return change_group(*this, level, option, value, ip_);
}

bool UdpSocket::serves(int level) const {
    return level == level_ip || (level == level_ipv6 && family() == Family::inet6);
}

Result<> UdpSocket::set_udp_option(int option, std::span<const std::byte> value) {
    auto integer = HUSK_TRY(option_as<std::int32_t>(value));
    if (RememberedOptions::has(level_udp, option)) return remember(level_udp, option, value);
    if (option != udp_option::segment) return Errno::enoprotoopt;
    if (integer < 0 || integer > int{UINT16_MAX}) return Errno::einval;
    segment_bytes_ = static_cast<std::uint16_t>(integer);
    return {};
}

Result<> UdpSocket::set_option(int level, int option, std::span<const std::byte> value) {
    if (level == level_udp) return set_udp_option(option, value);
    if (!serves(level)) return Socket::set_option(level, option, value);
    if (RememberedOptions::has(level, option)) return remember(level, option, value);
    if (is_group_option(level, option)) {
        HUSK_TRY(change_membership(level, option, value));
    } else {
        bool is_bound = false;
        {
            StackGuard guard;
            is_bound = pcb_->local_port != 0;
        }
        HUSK_TRY(ip_.set(level, option, value, is_bound));
        if (ip_.only_ipv6) {
            StackGuard guard;
            IP_SET_TYPE_VAL(pcb_->local_ip, IPADDR_TYPE_V6);
            IP_SET_TYPE_VAL(pcb_->remote_ip, IPADDR_TYPE_V6);
        }
    }
    apply_options();
    return {};
}

Result<std::size_t> UdpSocket::get_option(int level, int option, std::span<std::byte> to) {
    if (level == level_udp) {
        if (RememberedOptions::has(level, option)) return recall(level, option, to);
        if (option == udp_option::segment) return put_integer(to, segment_bytes_.load());
        return Errno::enoprotoopt;
    }
    if (!serves(level)) return Socket::get_option(level, option, to);
    if (RememberedOptions::has(level, option)) return recall(level, option, to);
    if (asks_for_mtu(level, option)) {
        StackGuard guard;
        if (!is_connected_) return Errno::enotconn;
        // Where the way is gone meanwhile Linux would tell the last it had.
        auto mtu = route_mtu(pcb_->local_ip, pcb_->remote_ip, pcb_->netif_idx);
        if (!mtu.ok()) return Errno::enotconn;
        return put_integer(to, mtu.value());
    }
    return ip_.get(level, option, to);
}

}  // namespace husk::net
