// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/socket_options.hpp"

#include "guest-runtime/net/interfaces.hpp"
#include "guest-runtime/net/option_value.hpp"
#include "guest-runtime/net/socket.hpp"

namespace husk::net {

namespace {

namespace so = socket_option;

struct Linger {
    std::int32_t on;
    std::int32_t seconds;
};

struct TimeValue {
    std::int64_t seconds;
    std::int64_t microseconds;
};

Result<std::uint64_t> timeout_ns(std::span<const std::byte> value) {
    TimeValue time = HUSK_TRY(option_as<TimeValue>(value));
    if (time.microseconds < 0 || time.microseconds >= 1'000'000) return Errno::edom;
    constexpr std::int64_t longest_seconds = INT64_MAX / 1'000'000'000 - 1;
    if (time.seconds < 0) return 1;  // Linux: does not wait at all
    if (time.seconds > longest_seconds) return 0;
    return static_cast<std::uint64_t>(time.seconds * 1'000'000'000 + time.microseconds * 1000);
}

TimeValue time_of(std::uint64_t ns) {
    return {static_cast<std::int64_t>(ns / 1'000'000'000), static_cast<std::int64_t>(ns % 1'000'000'000 / 1000)};
}

// What SO_SNDBUF and SO_RCVBUF keep: twice what was asked for, as on Linux, whose bookkeeping shares the room.
std::uint32_t buffer_bytes(std::int32_t wanted, std::uint32_t least) {
    auto doubled = 2 * static_cast<std::uint64_t>(std::max(wanted, 0));
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(doubled, least, SocketOptions::largest_buffer_bytes));
}

constexpr std::uint32_t least_send_bytes = 4608, least_receive_bytes = 2304;

std::atomic<bool>* flag_of(SocketOptions& options, int option) {
    switch (option) {
        case so::reuse_address:
            return &options.reuse_address;
        case so::reuse_port:
            return &options.reuse_port;
        case so::keep_alive:
            return &options.keep_alive;
        case so::broadcast:
            return &options.broadcast;
        case so::out_of_band_inline:
            return &options.out_of_band_inline;
        case so::pass_credentials:
            return &options.pass_credentials;
        // Remembered, with nothing behind them here.
        case so::debug:
            return &options.debug;
        case so::dont_route:
            return &options.dont_route;
        case so::no_check:
            return &options.no_check;
        case so::timestamp:
            return &options.timestamp;
        case so::timestamp_ns:
            return &options.timestamp_ns;
        default:
            return nullptr;
    }
}

// Taken, with nothing behind it here.
bool is_ignored(int option) { return option == so::busy_poll || option == so::incoming_cpu; }

}  // namespace

Result<> Socket::set_option(int level, int option, std::span<const std::byte> value) {
    if (level != level_socket) return Errno::enoprotoopt;
    if (option == so::receive_timeout || option == so::send_timeout) {
        std::uint64_t ns = HUSK_TRY(timeout_ns(value));
        (option == so::receive_timeout ? options_.receive_timeout_ns : options_.send_timeout_ns) = ns;
        return {};
    }
    if (option == so::bind_to_device) {
        options_.bound_interface = HUSK_TRY(interface_by_name(value));
        on_option_changed(option);
        return {};
    }
    auto integer = HUSK_TRY(option_as<std::int32_t>(value));
    if (std::atomic<bool>* flag = flag_of(options_, option)) {
        *flag = integer != 0;
        on_option_changed(option);
        return {};
    }
    switch (option) {
        case so::linger: {
            auto linger = HUSK_TRY(option_as<Linger>(value));
            options_.lingers = linger.on != 0;
            options_.linger_seconds = linger.seconds;
            break;
        }
        case so::send_buffer:
        case so::send_buffer_force:
            options_.send_buffer_bytes = buffer_bytes(integer, least_send_bytes);
            break;
        case so::receive_buffer:
        case so::receive_buffer_force:
            options_.receive_buffer_bytes = buffer_bytes(integer, least_receive_bytes);
            break;
        case so::receive_low_water:
            options_.receive_low_water = integer == 0 ? 1 : integer;
            break;
        case so::priority:
            options_.priority = integer;
            break;
        case so::mark:
            options_.mark = integer;
            break;
        default:
            return is_ignored(option) ? Result<>() : Errno::enoprotoopt;
    }
    on_option_changed(option);
    return {};
}

Result<std::size_t> Socket::get_option(int level, int option, std::span<std::byte> to) {
    if (level != level_socket) return Errno::enoprotoopt;
    if (const std::atomic<bool>* flag = flag_of(options_, option)) return put_integer(to, flag->load() ? 1 : 0);
    if (is_ignored(option)) return put_integer(to, 0);
    switch (option) {
        case so::type:
            return put_integer(to, static_cast<std::int32_t>(type_));
        case so::domain:
            return put_integer(to, static_cast<std::int32_t>(family_));
        case so::protocol:
            return put_integer(to, protocol_);
        case so::error:
            return put_integer(to, take_error());
        case so::accepts_connections:
            return put_integer(to, is_listening() ? 1 : 0);
        case so::send_buffer:
            return put_integer(to, options_.send_buffer_bytes);
        case so::receive_buffer:
            return put_integer(to, options_.receive_buffer_bytes);
        case so::receive_low_water:
            return put_integer(to, options_.receive_low_water);
        case so::send_low_water:
            return put_integer(to, 1);
        case so::priority:
            return put_integer(to, options_.priority);
        case so::mark:
            return put_integer(to, options_.mark);
        case so::linger:
            return put_option(to, Linger{options_.lingers ? 1 : 0, options_.linger_seconds});
        case so::receive_timeout:
            return put_option(to, time_of(options_.receive_timeout_ns));
        case so::send_timeout:
            return put_option(to, time_of(options_.send_timeout_ns));
        case so::peer_credentials:
            return put_option(to, HUSK_TRY(peer_credentials()));
        case so::bind_to_device:
            return put_interface_name(to, options_.bound_interface);
        default:
            return Errno::enoprotoopt;
    }
}

}  // namespace husk::net
