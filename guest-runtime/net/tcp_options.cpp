// SPDX-License-Identifier: Apache-2.0
// Options of a TCP socket.
#include <algorithm>
#include <string_view>

#include "guest-runtime/net/option_value.hpp"
#include "guest-runtime/net/tcp_option_numbers.hpp"
#include "guest-runtime/net/tcp_socket.hpp"

namespace husk::net {

namespace {

namespace tcp = tcp_option;

using Settings = TcpEndpoint::Settings;

Result<std::uint32_t> seconds_in_ms(std::int32_t seconds) {
    constexpr std::int32_t most = 32767;  // MAX_TCP_KEEPIDLE
    if (seconds < 1 || seconds > most) return Errno::einval;
    return static_cast<std::uint32_t>(seconds) * 1000;
}

constexpr std::string_view only_congestion_control = "reno";

Result<> set_congestion(std::span<const std::byte> value) {
    // SAFETY: the bytes as characters.
    std::string_view name(reinterpret_cast<const char*>(value.data()), value.size());
    return name.substr(0, name.find('\0')) == only_congestion_control ? Result<>() : Errno::enoent;
}

// Linux counts repeated answers to a SYN, which come after 1, 2, 4, ... s: the time until the last of them.
std::uint32_t patience_s(std::int32_t wanted_s) {
    constexpr std::uint32_t longest_gap_s = 120, most_repeats = 255;
    std::uint32_t time = wanted_s > 0 ? 1 : 0, gap = 1;
    for (std::uint32_t i = 1; wanted_s > 0 && static_cast<std::uint32_t>(wanted_s) > time && i < most_repeats; ++i) {
        gap = std::min(2 * gap, longest_gap_s);
        time += gap;
    }
    return time;
}

}  // namespace

void TcpSocket::on_option_changed(int option) {
    namespace so = socket_option;
    switch (option) {
        case so::reuse_address:
        case so::reuse_port:
        case so::keep_alive:
            endpoint_->change_settings([this](Settings& settings) {
                settings.reuse_address = options_.reuse_address;
                settings.reuse_port = options_.reuse_port;
                settings.keep_alive = options_.keep_alive;
            });
            break;
        case so::receive_buffer:
        case so::receive_buffer_force:
            endpoint_->change_settings(
                [this](Settings& settings) { settings.receive_window_bytes = options_.receive_buffer_bytes; });
            break;
        case so::bind_to_device:
            endpoint_->change_settings([this](Settings& settings) { settings.interface = options_.stack_interface(); });
            break;
        default:
            break;
    }
}

Result<> TcpSocket::set_tcp_option(int option, std::span<const std::byte> value) {
    if (option == tcp::congestion) return set_congestion(value);
    auto integer = HUSK_TRY(option_as<std::int32_t>(value));
    auto change = [this](auto apply) {
        endpoint_->change_settings(apply);
        return Result<>();
    };
    switch (option) {
        case tcp::no_delay:
            return change([=](Settings& settings) { settings.no_delay = integer != 0; });
        case tcp::cork:
            corked_ = integer != 0;
            // Taking the cork out sends what it held.
            return corked_ ? Result<>() : change([](Settings&) {});
        case tcp::keep_idle: {
            std::uint32_t time = HUSK_TRY(seconds_in_ms(integer));
            return change([=](Settings& settings) { settings.keep_idle_ms = time; });
        }
        case tcp::keep_interval: {
            std::uint32_t time = HUSK_TRY(seconds_in_ms(integer));
            return change([=](Settings& settings) { settings.keep_interval_ms = time; });
        }
        case tcp::keep_count:
            if (integer < 1 || integer > 127) return Errno::einval;
            return change([=](Settings& settings) { settings.keep_count = static_cast<std::uint32_t>(integer); });
        case tcp::user_timeout:
            if (integer < 0) return Errno::einval;
            return change([=](Settings& settings) { settings.user_timeout_ms = static_cast<std::uint32_t>(integer); });
        case tcp::max_segment:
            if (integer != 0 && (integer < 88 || integer > 32767)) return Errno::einval;
            return change([=](Settings& settings) { settings.max_segment = static_cast<std::uint16_t>(integer); });
        case tcp::syn_count:
            if (integer < 1 || integer > 127) return Errno::einval;
            return change([=](Settings& settings) { settings.syn_retries = static_cast<std::uint8_t>(integer); });
        case tcp::defer_accept: {
            std::uint32_t time = patience_s(integer) * 1000;
            return change([=](Settings& settings) { settings.defer_accept_ms = time; });
        }
        case tcp::unread:
            if (integer != 0 && integer != 1) return Errno::einval;
            tells_unread_ = integer != 0;
            return {};
        case tcp::quick_ack:
            quick_acks_ = integer != 0;
            if (integer != 0) endpoint_->acknowledge_now();
            return {};
        default:
            return Errno::enoprotoopt;
    }
}

Result<std::size_t> TcpSocket::get_tcp_option(int option, std::span<std::byte> to) {
    const Settings settings = endpoint_->settings();
    switch (option) {
        case tcp::no_delay:
            return put_integer(to, settings.no_delay ? 1 : 0);
        case tcp::cork:
            return put_integer(to, corked_ ? 1 : 0);
        case tcp::keep_idle:
            return put_integer(to, settings.keep_idle_ms / 1000);
        case tcp::keep_interval:
            return put_integer(to, settings.keep_interval_ms / 1000);
        case tcp::keep_count:
            return put_integer(to, settings.keep_count);
        case tcp::user_timeout:
            return put_integer(to, settings.user_timeout_ms);
        case tcp::max_segment:
            // Linux: what was asked for until there is a connection.
            if (endpoint_->state() != TcpEndpoint::State::connected && settings.max_segment != 0) {
                return put_integer(to, settings.max_segment);
            }
            return put_integer(to, endpoint_->info().mss);
        case tcp::info:
            return put_info(to);
        case tcp::unread:
            return put_integer(to, tells_unread_ ? 1 : 0);
        case tcp::quick_ack:
            return put_integer(to, quick_acks_ ? 1 : 0);
        case tcp::syn_count:
            return put_integer(to, settings.syn_retries);
        case tcp::defer_accept:
            return put_integer(to, settings.defer_accept_ms / 1000);
        case tcp::congestion: {
            char name[16]{};
            std::ranges::copy(only_congestion_control, name);
            return put_option(to, name);
        }
        default:
            return Errno::enoprotoopt;
    }
}

bool TcpSocket::serves(int level) const {
    return level == level_tcp || level == level_ip || (level == level_ipv6 && family() == Family::inet6);
}

Result<> TcpSocket::set_option(int level, int option, std::span<const std::byte> value) {
    HUSK_TRY(set_own_option(level, option, value));
    // A listen() at the same time has copied the new value, or is seen here.
    return endpoint_->listens() ? bequeath_options() : Result<>();
}

Result<> TcpSocket::set_own_option(int level, int option, std::span<const std::byte> value) {
    if (!serves(level)) return Socket::set_option(level, option, value);
    if (RememberedOptions::has(level, option)) return remember(level, option, value);
    if (level == level_tcp) return set_tcp_option(option, value);
    HUSK_TRY(ip_.set(level, option, value, endpoint_->local().port != 0));
    constexpr std::uint8_t congestion_bits = 3;  // the stack's own
    ip_.traffic_class.clear_bits(congestion_bits);
    endpoint_->change_settings([this](Settings& settings) {
        settings.hop_limit = ip_.hop_limit;
        settings.traffic_class = ip_.traffic_class;
        settings.only_ipv6 = ip_.only_ipv6;
    });
    return {};
}

Result<std::size_t> TcpSocket::get_option(int level, int option, std::span<std::byte> to) {
    if (!serves(level)) return Socket::get_option(level, option, to);
    if (RememberedOptions::has(level, option)) return recall(level, option, to);
    if (asks_for_mtu(level, option)) return put_integer(to, HUSK_TRY(endpoint_->mtu()));
    return level == level_tcp ? get_tcp_option(option, to) : ip_.get(level, option, to);
}

}  // namespace husk::net
