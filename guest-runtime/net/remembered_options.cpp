// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/remembered_options.hpp"

#include <algorithm>

#include "guest-runtime/net/ip_options.hpp"
#include "guest-runtime/net/socket_options.hpp"
#include "guest-runtime/net/tcp_option_numbers.hpp"
#include "guest-runtime/net/udp_option_numbers.hpp"

namespace husk::net {

namespace {

namespace so = socket_option;
namespace tcp = tcp_option;

// Which values Linux takes, and what becomes of them.
enum class Rule : std::uint8_t { any, flag, bit, natural, low_water, path_mtu, fin_timeout, window };

struct Option {
    std::int16_t level;
    std::int16_t number;
    Rule rule;
    std::int8_t standard;
};

constexpr Option options[] = {
    {level_socket, so::debug, Rule::flag, 0},
    {level_socket, so::dont_route, Rule::flag, 0},
    {level_socket, so::no_check, Rule::flag, 0},
    {level_socket, so::priority, Rule::any, 0},
    {level_socket, so::mark, Rule::any, 0},
    {level_socket, so::receive_low_water, Rule::low_water, 1},
    {level_socket, so::overflow_count, Rule::flag, 0},  // nothing tells of datagrams that were lost
    {level_socket, so::busy_poll, Rule::natural, 0},
    {level_socket, so::prefer_busy_poll, Rule::flag, 0},
    {level_socket, so::pacing_rate, Rule::any, -1},
    {level_socket, so::incoming_cpu, Rule::any, -1},
    {level_tcp, tcp::linger2, Rule::fin_timeout, 60},
    {level_tcp, tcp::window_clamp, Rule::window, 0},
    {level_tcp, tcp::fast_open, Rule::natural, 0},
    {level_tcp, tcp::not_sent_low_water, Rule::any, -1},
    {level_tcp, tcp::fast_open_connect, Rule::bit, 0},
    {level_udp, udp_option::receive_segments, Rule::flag, 0},  // a receiver may be given them one by one
    {level_ip, ip_option::mtu_discover, Rule::path_mtu, 1},
    {level_ip, ip_option::free_bind, Rule::flag, 0},  // but for bind()
    {level_ip, ip_option::bind_address_no_port, Rule::flag, 0},
    {level_ip, ip_option::multicast_all, Rule::bit, 1},
    {level_ipv6, ipv6_option::mtu_discover, Rule::path_mtu, 1},
    {level_ipv6, ipv6_option::multicast_all, Rule::bit, 1},
};

std::size_t find(int level, int number) {
    auto is_it = [=](const Option& option) { return option.level == level && option.number == number; };
    return static_cast<std::size_t>(std::find_if(std::begin(options), std::end(options), is_it) - std::begin(options));
}

Result<std::int32_t> kept_of(Rule rule, std::int32_t value) {
    constexpr std::int32_t longest_fin_timeout_s = 120, default_fin_timeout_s = 60, least_window_bytes = 1152;
    constexpr std::int32_t last_path_mtu = 5;  // IP_PMTUDISC_OMIT
    switch (rule) {
        case Rule::flag:
            return value != 0 ? 1 : 0;
        case Rule::bit:
            return value == 0 || value == 1 ? Result<std::int32_t>(value) : Errno::einval;
        case Rule::natural:
            return value >= 0 ? Result<std::int32_t>(value) : Errno::einval;
        case Rule::low_water:
            return value < 0 ? INT32_MAX : std::max(value, 1);
        case Rule::path_mtu:
            return value >= 0 && value <= last_path_mtu ? Result<std::int32_t>(value) : Errno::einval;
        case Rule::fin_timeout:
            if (value < 0) return -1;
            return value == 0 ? default_fin_timeout_s : std::min(value, longest_fin_timeout_s);
        case Rule::window:
            return value == 0 ? 0 : std::max(value, least_window_bytes);
        case Rule::any:
            break;
    }
    return value;
}

}  // namespace

RememberedOptions::RememberedOptions() {
    static_assert(std::size(options) == count);
    for (std::size_t i = 0; i < count; ++i) values_[i] = options[i].standard;
}

bool RememberedOptions::has(int level, int option) { return find(level, option) != count; }

Result<> RememberedOptions::set(int level, int option, std::int32_t value) {
    std::size_t index = find(level, option);
    values_[index] = HUSK_TRY(kept_of(options[index].rule, value));
    return {};
}

std::int32_t RememberedOptions::get(int level, int option) const { return values_[find(level, option)]; }

}  // namespace husk::net
