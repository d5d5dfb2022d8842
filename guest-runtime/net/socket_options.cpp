// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/socket_options.hpp"

#include "guest-runtime/net/interfaces.hpp"
#include "guest-runtime/net/ip_options.hpp"
#include "guest-runtime/net/option_value.hpp"
#include "guest-runtime/net/socket.hpp"

namespace husk::net {

namespace {

namespace so = socket_option;

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
    auto doubled = 2 * static_cast<std::uint64_t>(static_cast<std::uint32_t>(wanted));  // a negative one is the largest
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(doubled, least, SocketOptions::largest_buffer_bytes));
}

constexpr std::uint32_t least_send_bytes = 4608, least_receive_bytes = 2304;

SharedValue<bool>* flag_of(SocketOptions& options, int option) {
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
        case so::timestamp:
            return &options.timestamp;
        case so::timestamp_ns:
            return &options.timestamp_ns;
        default:
            return nullptr;
    }
}

}  // namespace

Result<> Socket::remember(int level, int option, std::span<const std::byte> value) {
    // Options of IP may be given as one byte, as on Linux.
    if (level == level_ip && !value.empty() && value.size() < sizeof(std::int32_t)) {
        return options_.remembered.set(level, option, static_cast<std::int32_t>(value.front()));
    }
    return options_.remembered.set(level, option, HUSK_TRY(option_as<std::int32_t>(value)));
}

std::size_t Socket::recall(int level, int option, std::span<std::byte> to) const {
    return put_integer(to, options_.remembered.get(level, option));
}

bool Socket::is_free_to_bind() const { return options_.remembered.get(level_ip, ip_option::free_bind) != 0; }

Result<> Socket::set_option(int level, int option, std::span<const std::byte> value) {
    if (level != level_socket) return family_ == Family::local ? Errno::eopnotsupp : Errno::enoprotoopt;
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
    if (RememberedOptions::has(level, option)) return remember(level, option, value);
    if (SharedValue<bool>* flag = flag_of(options_, option)) {
        *flag = integer != 0;
        on_option_changed(option);
        return {};
    }
    switch (option) {
        case so::linger: {
            auto linger = HUSK_TRY(option_as<Linger>(value));
            options_.linger = Linger{linger.on != 0 ? 1 : 0, linger.seconds};
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
        case so::peek_offset:
            options_.peek_offset = integer;
            return {};
        case so::bind_to_index:
            if (integer < 0) return Errno::einval;
            options_.bound_interface = static_cast<std::uint32_t>(integer);
            on_option_changed(so::bind_to_device);
            return {};
        default:
            return Errno::enoprotoopt;
    }
    on_option_changed(option);
    return {};
}

Result<std::size_t> Socket::get_option(int level, int option, std::span<std::byte> to) {
    if (level != level_socket) {
        bool is_known_by_ip = family_ == Family::inet || family_ == Family::local;
        return is_known_by_ip ? Errno::eopnotsupp : Errno::enoprotoopt;
    }
    if (const SharedValue<bool>* flag = flag_of(options_, option)) return put_integer(to, flag->load() ? 1 : 0);
    if (RememberedOptions::has(level, option)) return recall(level, option, to);
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
        case so::peek_offset:
            return put_integer(to, options_.peek_offset);
        case so::send_low_water:
            return put_integer(to, 1);
        case so::incoming_napi_id:
            return put_integer(to, 0);  // none
        case so::linger:
            return put_option(to, options_.linger.load());
        case so::receive_timeout:
            return put_option(to, time_of(options_.receive_timeout_ns));
        case so::send_timeout:
            return put_option(to, time_of(options_.send_timeout_ns));
        case so::peer_credentials:
            return put_option(to, HUSK_TRY(peer_credentials()));
        case so::bind_to_index:
            return put_integer(to, options_.bound_interface);
        case so::bind_to_device:
            return put_interface_name(to, options_.bound_interface);
        default:
            return Errno::enoprotoopt;
    }
}

}  // namespace husk::net
