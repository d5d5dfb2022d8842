// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/ip_options.hpp"

#include "guest-runtime/net/option_value.hpp"

namespace husk::net {

namespace {

namespace v4 = ip_option;
namespace v6 = ipv6_option;

constexpr std::uint8_t default_hop_limit = 64;

// Options of these levels may come as one byte.
Result<std::int32_t> integer_of(std::span<const std::byte> value) {
    if (value.size() >= sizeof(std::int32_t)) return option_as<std::int32_t>(value);
    if (value.empty()) return Errno::einval;
    return static_cast<std::int32_t>(value.front());
}

SharedValue<bool>* flag_of(IpOptions& options, int level, int option) {
    if (level == level_ip) {
        switch (option) {
            case v4::packet_info:
                return &options.wants_packet_info;
            case v4::receive_ttl:
                return &options.wants_hop_limit;
            case v4::receive_tos:
                return &options.wants_class;
            case v4::multicast_loop:
                return &options.multicast_loops;
            case v4::receive_errors:
                return &options.wants_errors;
            default:
                return nullptr;
        }
    }
    switch (option) {
        case v6::receive_packet_info:
            return &options.wants_packet_info;
        case v6::receive_hop_limit:
            return &options.wants_hop_limit;
        case v6::receive_class:
            return &options.wants_class;
        case v6::multicast_loop:
            return &options.multicast_loops;
        case v6::receive_errors:
            return &options.wants_errors;
        default:
            return nullptr;
    }
}

// Taken, with nothing behind it here and nothing to read back.
bool is_ignored(int level, int option) {
    return level == level_ip && (option == v4::options || option == v4::local_port_range);
}

// IPV6_MTU: taken, and packets are as long as the way's MTU allows. 0: no limit.
Result<> check_longest_packet(std::span<const std::byte> value) {
    constexpr std::int32_t least_mtu = 1280;  // IPV6_MIN_MTU
    auto bytes = HUSK_TRY(option_as<std::int32_t>(value));
    return bytes == 0 || bytes >= least_mtu ? Result<>() : Errno::einval;
}

Result<> set_hops(SharedValue<std::uint8_t>& to, std::int32_t value, std::int32_t least, std::uint8_t standard) {
    if (value != -1 && (value < least || value > 255)) return Errno::einval;
    to = value == -1 ? standard : static_cast<std::uint8_t>(value);
    return {};
}

}  // namespace

Result<> IpOptions::set(int level, int option, std::span<const std::byte> value, bool is_bound) {
    if (level != level_ip && level != level_ipv6) return Errno::enoprotoopt;
    if (is_ignored(level, option)) return {};
    if (level == level_ipv6 && option == v6::mtu) return check_longest_packet(value);
    auto integer = HUSK_TRY(integer_of(value));
    if (level == level_ipv6 && option == v6::multicast_loop && (integer & ~1) != 0) return Errno::einval;
    if (SharedValue<bool>* flag = flag_of(*this, level, option)) {
        *flag = integer != 0;
        return {};
    }
    bool is_v4 = level == level_ip;
    if (option == (is_v4 ? v4::ttl : v6::unicast_hops)) {
        return set_hops(hop_limit, integer, is_v4 ? 1 : 0, default_hop_limit);
    }
    if (option == (is_v4 ? v4::multicast_ttl : v6::multicast_hops)) return set_hops(multicast_hops, integer, 0, 1);
    if (option == (is_v4 ? v4::tos : v6::traffic_class)) {
        if (!is_v4 && (integer < -1 || integer > 255)) return Errno::einval;
        traffic_class = static_cast<std::uint8_t>(!is_v4 && integer == -1 ? 0 : integer);
        return {};
    }
    if (!is_v4 && option == v6::only_ipv6) {
        if (is_bound) return Errno::einval;
        only_ipv6 = integer != 0;
        return {};
    }
    return Errno::enoprotoopt;
}

Result<std::size_t> IpOptions::get(int level, int option, std::span<std::byte> to) const {
    if (level != level_ip && level != level_ipv6) return Errno::enoprotoopt;
    if (const auto* flag = flag_of(const_cast<IpOptions&>(*this), level, option)) return put_integer(to, *flag ? 1 : 0);
    bool is_v4 = level == level_ip;
    if (option == (is_v4 ? v4::ttl : v6::unicast_hops)) return put_integer(to, hop_limit);
    if (option == (is_v4 ? v4::multicast_ttl : v6::multicast_hops)) return put_integer(to, multicast_hops);
    if (option == (is_v4 ? v4::tos : v6::traffic_class)) return put_integer(to, traffic_class);
    if (!is_v4 && option == v6::only_ipv6) return put_integer(to, only_ipv6 ? 1 : 0);
    if (is_ignored(level, option)) return put_integer(to, 0);
    return Errno::enoprotoopt;
}

}  // namespace husk::net
