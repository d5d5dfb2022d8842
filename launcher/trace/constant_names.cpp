// SPDX-License-Identifier: Apache-2.0
#include "launcher/trace/constant_names.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "launcher/config/text.hpp"
#include "launcher/trace/name_tables.hpp"

namespace husk::trace {

namespace {

using abi::Argument;

std::string octal_text(std::uint64_t value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, value == 0 ? "%03lo" : "0%03lo", static_cast<unsigned long>(value));
    return buffer;
}

// One name for the whole value.
std::string word_text(Names names, std::uint64_t value) {
    for (const Name& name : names) {
        if (name.value == static_cast<std::uint32_t>(value)) return std::string(name.name);
    }
    return hex_text(value);
}

void add_flag(std::string& text, std::string_view flag) {
    if (!text.empty()) text += '|';
    text += flag;
}

// A name for each bit, or for several; what is left is a number.
std::string flags_text(Names names, std::uint64_t value, std::string text = {}) {
    std::uint64_t left = static_cast<std::uint32_t>(value);
    for (const Name& name : names) {
        if (name.value == 0 && value == 0 && text.empty()) return std::string(name.name);
        if (name.value == 0 || (left & name.value) != name.value) continue;
        add_flag(text, name.name);
        left &= ~name.value;
    }
    if (left != 0) add_flag(text, hex_text(left));
    return text.empty() ? "0" : text;
}

std::string open_text(std::uint64_t value) {
    static constexpr std::string_view ways[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    return flags_text(open_flags, value & ~std::uint64_t{O_ACCMODE}, std::string(ways[value & O_ACCMODE]));
}

std::string socket_type_text(std::uint64_t value) {
    constexpr std::uint64_t type_mask = 0xf;
    if ((value & type_mask) == 0) return flags_text(socket_flags, value);  // accept4 has flags only
    return flags_text(socket_flags, value & ~type_mask, word_text(socket_types, value & type_mask));
}

std::string futex_op_text(std::uint64_t value) {
    const std::uint64_t operation = value & futex_operation_mask;
    std::string text = word_text(futex_ops, operation);
    // As the constants of the kernel's header are named.
    if ((value & FUTEX_PRIVATE_FLAG) != 0) text += "_PRIVATE";
    return flags_text(futex_flags, value & ~operation & ~std::uint64_t{FUTEX_PRIVATE_FLAG}, std::move(text));
}

std::string clone_text(std::uint64_t value) {
    constexpr std::uint64_t signal_mask = 0xff;
    std::string text = flags_text(clone_flags, value & ~signal_mask);
    if ((value & signal_mask) != 0) add_flag(text, signal_text(value & signal_mask));
    return text;
}

std::string folder_text(std::uint64_t value) {
    const auto fd = static_cast<std::int32_t>(value);
    return fd == AT_FDCWD ? "AT_FDCWD" : std::to_string(fd);
}

}  // namespace

std::string constant_text(Argument kind, std::uint64_t value) {
    switch (kind) {
        case Argument::fd:
            return std::to_string(static_cast<std::int32_t>(value));
        case Argument::folder_fd:
            return folder_text(value);
        case Argument::number:
            // Most are ints; a 64-bit one that is larger is shown as it is.
            return static_cast<std::uint32_t>(value) == value ? std::to_string(static_cast<std::int32_t>(value))
                                                              : std::to_string(static_cast<std::int64_t>(value));
        case Argument::count:
            return std::to_string(value);
        case Argument::mode:
            return octal_text(static_cast<std::uint32_t>(value));
        case Argument::open_flags:
            return open_text(value);
        case Argument::at_flags:
            return flags_text(at_flags, value);
        case Argument::access_mode:
            return value == F_OK ? "F_OK" : flags_text(access_modes, value);
        case Argument::whence:
            return word_text(whences, value);
        case Argument::protection:
            return flags_text(protections, value);
        case Argument::map_flags:
            return flags_text(map_flags, value);
        case Argument::remap_flags:
            return flags_text(remap_flags, value);
        case Argument::sync_flags:
            return flags_text(sync_flags, value);
        case Argument::advice:
            return word_text(advices, value);
        case Argument::signal:
            return signal_text(value);
        case Argument::mask_how:
            return word_text(mask_hows, value);
        case Argument::clock:
            return word_text(clocks, value);
        case Argument::timer_flags:
            return flags_text(timer_flags, value);
        case Argument::domain:
            return word_text(domains, value);
        case Argument::socket_type:
            return socket_type_text(value);
        case Argument::protocol:
            return word_text(protocols, value);
        case Argument::level:
            return word_text(levels, value);
        case Argument::message_flags:
            return flags_text(message_flags, value);
        case Argument::shutdown_how:
            return word_text(shutdown_hows, value);
        case Argument::epoll_op:
            return word_text(epoll_ops, value);
        case Argument::epoll_flags:
            return flags_text(epoll_flags, value);
        case Argument::futex_op:
            return futex_op_text(value);
        case Argument::fcntl_op:
            return word_text(fcntl_ops, value);
        case Argument::ioctl_op:
            return word_text(ioctl_ops, value);
        case Argument::clone_flags:
            return clone_text(value);
        case Argument::event_flags:
            return flags_text(event_flags, value);
        case Argument::timerfd_flags:
            return flags_text(timerfd_flags, value);
        case Argument::signalfd_flags:
            return flags_text(signalfd_flags, value);
        case Argument::prctl_op:
            return word_text(prctl_ops, value);
        case Argument::arch_op:
            return word_text(arch_ops, value);
        case Argument::resource:
            return word_text(resources, value);
        case Argument::usage_who:
            return word_text(usage_whos, value);
        case Argument::lock_op:
            return flags_text(lock_ops, value);
        case Argument::allocate_mode:
            return flags_text(allocate_modes, value);
        case Argument::file_advice:
            return word_text(file_advices, value);
        case Argument::rename_flags:
            return flags_text(rename_flags, value);
        case Argument::memory_file_flags:
            return flags_text(memory_file_flags, value);
        case Argument::random_flags:
            return flags_text(random_flags, value);
        case Argument::wait_flags:
            return flags_text(wait_flags, value);
        case Argument::statx_mask:
            return flags_text(statx_masks, value);
        case Argument::close_range_flags:
            return flags_text(close_range_flags, value);
        case Argument::barrier_op:
            return word_text(barrier_ops, value);
        default:
            return value == 0 ? "NULL" : hex_text(value);
    }
}

std::string socket_option_text(std::uint64_t level, std::uint64_t option) {
    switch (static_cast<std::uint32_t>(level)) {
        case SOL_SOCKET:
            return word_text(socket_options, option);
        case SOL_TCP:
            return word_text(tcp_options, option);
        case SOL_IPV6:
            return word_text(ipv6_options, option);
        case SOL_IP:
            return word_text(ip_options, option);
        default:
            return std::to_string(static_cast<std::int32_t>(option));
    }
}

std::string file_type_text(std::uint32_t mode) {
    return word_text(file_types, mode & S_IFMT) + "|" + octal_text(mode & ~std::uint32_t{S_IFMT});
}

std::string poll_events_text(std::uint32_t events) { return flags_text(poll_events, events); }
std::string epoll_events_text(std::uint32_t events) { return flags_text(epoll_events, events); }
std::string action_flags_text(std::uint64_t flags) { return flags_text(action_flags, flags); }

std::string signal_text(std::uint64_t number) {
    constexpr std::uint64_t first_realtime = 32, last = 64;
    const char* name = number < first_realtime ? ::sigabbrev_np(static_cast<int>(number)) : nullptr;
    if (name != nullptr) return std::string("SIG") + name;
    if (number >= first_realtime && number <= last) return config::fill_in("SIGRT_{}", number - first_realtime);
    return std::to_string(static_cast<std::int32_t>(number));
}

std::string signal_set_text(std::uint64_t set) {
    constexpr std::string_view prefix = "SIG";
    constexpr int half = 32;
    if (std::popcount(set) > half) return "~" + signal_set_text(~set);
    std::string text = "[";
    for (std::uint64_t number = 1; number <= 64; ++number) {
        if ((set >> (number - 1) & 1) == 0) continue;
        if (text.size() > 1) text += ' ';
        text += std::string_view(signal_text(number)).substr(prefix.size());
    }
    return text + "]";
}

std::string hex_text(std::uint64_t value) { return config::fill_in("{}", config::Hex{value}); }

}  // namespace husk::trace
