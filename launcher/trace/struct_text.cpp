// SPDX-License-Identifier: Apache-2.0
#include "launcher/trace/struct_text.hpp"

#include <arpa/inet.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#include <array>
#include <cstddef>
#include <ctime>

#include "launcher/config/text.hpp"
#include "launcher/trace/constant_names.hpp"
#include "launcher/trace/memory_text.hpp"

namespace husk::trace {

namespace {

using abi::Argument;
using config::fill_in;

constexpr std::size_t pair_bytes = 16;  // timespec, timeval

std::string time_text(std::string_view bytes, std::size_t offset, std::string_view part) {
    const auto fraction = word_at<std::int64_t>(bytes, offset + 8);
    if (part == "nsec" && fraction == UTIME_NOW) return "UTIME_NOW";
    if (part == "nsec" && fraction == UTIME_OMIT) return "UTIME_OMIT";
    return fill_in("{tv_sec={}, tv_{}={}}", word_at<std::int64_t>(bytes, offset), part, fraction);
}

std::string two_times_text(std::string_view bytes, std::string_view part) {
    return "[" + time_text(bytes, 0, part) + ", " + time_text(bytes, pair_bytes, part) + "]";
}

std::string interval_text(std::string_view bytes, std::string_view part) {
    return "{it_interval=" + time_text(bytes, 0, part) + ", it_value=" + time_text(bytes, pair_bytes, part) + "}";
}

std::string limit_value_text(std::uint64_t value) {
    constexpr std::uint64_t unit = 1024;
    if (value == RLIM_INFINITY) return "RLIM64_INFINITY";
    if (value > unit && value % unit == 0) return fill_in("{}*1024", value / unit);
    return std::to_string(value);
}

std::string stat_text(std::string_view bytes) {
    const auto mode = word_at<std::uint32_t>(bytes, offsetof(struct stat, st_mode));
    const std::string start = "{st_mode=" + file_type_text(mode);
    if (S_ISCHR(mode) || S_ISBLK(mode)) {
        const auto device = word_at<std::uint64_t>(bytes, offsetof(struct stat, st_rdev));
        return start + fill_in(", st_rdev=makedev({}, {}), ...}", hex_text(gnu_dev_major(device)),
                               hex_text(gnu_dev_minor(device)));
    }
    return start + fill_in(", st_size={}, ...}", word_at<std::int64_t>(bytes, offsetof(struct stat, st_size)));
}

std::string statx_text(std::string_view bytes) {
    return fill_in("{stx_mask={}, stx_mode={}, stx_size={}, ...}",
                   constant_text(Argument::statx_mask, word_at<std::uint32_t>(bytes, 0)),
                   file_type_text(word_at<std::uint16_t>(bytes, offsetof(struct statx, stx_mode))),
                   word_at<std::uint64_t>(bytes, offsetof(struct statx, stx_size)));
}

std::string names_text(std::string_view bytes) {
    const auto name = [&](std::size_t offset) { return quoted_text(string_at(bytes, offset, _UTSNAME_LENGTH), false); };
    return "{sysname=" + name(offsetof(utsname, sysname)) + ", nodename=" + name(offsetof(utsname, nodename)) +
           ", release=" + name(offsetof(utsname, release)) + ", ...}";
}

// The kernel's: handler, flags, restorer, mask.
std::string action_text(std::string_view bytes) {
    const auto handler = word_at<std::uint64_t>(bytes, 0);
    std::string text = "{sa_handler=";
    text += handler == 0 ? "SIG_DFL" : handler == 1 ? "SIG_IGN" : hex_text(handler);
    return text + ", sa_mask=" + signal_set_text(word_at<std::uint64_t>(bytes, 24)) +
           ", sa_flags=" + action_flags_text(word_at<std::uint64_t>(bytes, 8)) + "}";
}

std::string signal_stack_text(std::string_view bytes) {
    const auto flags = word_at<std::uint32_t>(bytes, 8);
    constexpr std::uint32_t disable = 2;
    return fill_in("{ss_sp={}, ss_flags={}, ss_size={}}", hex_text(word_at<std::uint64_t>(bytes, 0)),
                   flags == disable ? "SS_DISABLE" : hex_text(flags), word_at<std::uint64_t>(bytes, 16));
}

std::string clone_arguments_text(std::string_view bytes) {
    const auto word = [&](std::size_t offset) { return word_at<std::uint64_t>(bytes, offset); };
    return fill_in("{flags={}, child_tid={}, parent_tid={}, exit_signal={}, stack={}, stack_size={}, tls={}}",
                   constant_text(Argument::clone_flags, word(offsetof(clone_args, flags))),
                   hex_text(word(offsetof(clone_args, child_tid))), hex_text(word(offsetof(clone_args, parent_tid))),
                   word(offsetof(clone_args, exit_signal)), hex_text(word(offsetof(clone_args, stack))),
                   hex_text(word(offsetof(clone_args, stack_size))), hex_text(word(offsetof(clone_args, tls))));
}

std::string descriptors_text(std::string_view bytes) {
    std::string text = "[";
    for (std::size_t fd = 0; fd < bytes.size() * 8; ++fd) {
        if ((static_cast<unsigned char>(bytes[fd / 8]) >> (fd % 8) & 1) == 0) continue;
        if (text.size() > 1) text += ' ';
        text += std::to_string(fd);
    }
    return text + "]";
}

// An option's value is an int where it has the size of one.
std::string option_text(std::string_view bytes) {
    if (bytes.size() == sizeof(std::int32_t)) return fill_in("[{}]", word_at<std::int32_t>(bytes, 0));
    return quoted_text(bytes, false);
}

std::string system_text(std::string_view bytes) {
    constexpr std::size_t total_offset = 32, free_offset = 40;  // struct sysinfo
    return fill_in("{uptime={}, totalram={}, freeram={}, ...}", word_at<std::int64_t>(bytes, 0),
                   word_at<std::uint64_t>(bytes, total_offset), word_at<std::uint64_t>(bytes, free_offset));
}

std::string file_system_text(std::string_view bytes) {
    const auto word = [&](unsigned index) { return word_at<std::uint64_t>(bytes, index * sizeof(std::uint64_t)); };
    return fill_in("{f_type={}, f_bsize={}, f_blocks={}, f_bfree={}, f_bavail={}, ...}", hex_text(word(0)), word(1),
                   word(2), word(3), word(4));
}

std::string ip_text(int family, std::string_view bytes, std::size_t offset) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    std::array<char, sizeof(in6_addr)> address = word_at<std::array<char, sizeof(in6_addr)>>(bytes, offset);
    if (family == AF_INET) {
        const auto word = word_at<std::uint32_t>(bytes, offset);
        std::memcpy(address.data(), &word, sizeof word);
    }
    inet_ntop(family, address.data(), text.data(), text.size());
    return text.data();
}

std::string unix_path_text(std::string_view bytes) {
    constexpr std::size_t path_offset = 2;
    if (bytes.size() <= path_offset) return "{sa_family=AF_UNIX}";
    if (bytes[path_offset] == '\0')
        return "{sa_family=AF_UNIX, sun_path=@" + quoted_text(bytes.substr(path_offset + 1), false) + "}";
    return "{sa_family=AF_UNIX, sun_path=" + quoted_text(string_at(bytes, path_offset, bytes.size()), false) + "}";
}

std::string join(std::string text, std::size_t shown, bool is_cut) {
    if (is_cut) text += shown == 0 ? "..." : ", ...";
    return "[" + text + "]";
}

}  // namespace

std::string struct_text(Argument kind, std::string_view bytes) {
    switch (kind) {
        case Argument::in_time:
        case Argument::out_time:
        case Argument::futex_time:
            return time_text(bytes, 0, "nsec");
        case Argument::in_timeval:
        case Argument::out_timeval:
            return time_text(bytes, 0, "usec");
        case Argument::in_two_times:
            return two_times_text(bytes, "nsec");
        case Argument::in_two_timevals:
            return two_times_text(bytes, "usec");
        case Argument::in_timer:
        case Argument::out_timer:
            return interval_text(bytes, "nsec");
        case Argument::in_interval:
        case Argument::out_interval:
            return interval_text(bytes, "usec");
        case Argument::out_usage:
            return "{ru_utime=" + time_text(bytes, 0, "usec") + ", ru_stime=" + time_text(bytes, pair_bytes, "usec") +
                   ", ...}";
        case Argument::out_stat:
            return stat_text(bytes);
        case Argument::out_statx:
            return statx_text(bytes);
        case Argument::out_file_system:
            return file_system_text(bytes);
        case Argument::out_system:
            return system_text(bytes);
        case Argument::out_names:
            return names_text(bytes);
        case Argument::in_limit:
        case Argument::out_limit:
            return "{rlim_cur=" + limit_value_text(word_at<std::uint64_t>(bytes, 0)) +
                   ", rlim_max=" + limit_value_text(word_at<std::uint64_t>(bytes, 8)) + "}";
        case Argument::descriptor_set:
            return descriptors_text(bytes);
        case Argument::in_event:
            return fill_in("{events={}, data={}}", epoll_events_text(word_at<std::uint32_t>(bytes, 0)),
                           hex_text(word_at<std::uint64_t>(bytes, 4)));
        case Argument::in_signals:
        case Argument::out_signals:
            return signal_set_text(word_at<std::uint64_t>(bytes, 0));
        case Argument::in_action:
        case Argument::out_action:
            return action_text(bytes);
        case Argument::in_signal_stack:
        case Argument::out_signal_stack:
            return signal_stack_text(bytes);
        case Argument::out_pair:
            return fill_in("[{}, {}]", word_at<std::int32_t>(bytes, 0), word_at<std::int32_t>(bytes, 4));
        case Argument::out_number:
        case Argument::length:
            return fill_in("[{}]", word_at<std::int32_t>(bytes, 0));
        case Argument::offset:
            return fill_in("[{}]", word_at<std::int64_t>(bytes, 0));
        case Argument::in_option:
        case Argument::out_option:
            return option_text(bytes);
        case Argument::clone_arguments:
            return clone_arguments_text(bytes);
        case Argument::open_how:
            return fill_in("{flags={}, mode={}, resolve={}}",
                           constant_text(Argument::open_flags, word_at<std::uint64_t>(bytes, 0)),
                           constant_text(Argument::mode, word_at<std::uint64_t>(bytes, 8)),
                           hex_text(word_at<std::uint64_t>(bytes, 16)));
        default:
            return quoted_text(bytes, false);
    }
}

std::string socket_address_text(std::string_view bytes) {
    const auto family = word_at<std::uint16_t>(bytes, 0);
    const std::string start = "{sa_family=" + constant_text(Argument::domain, family);
    const std::uint16_t port = ntohs(word_at<std::uint16_t>(bytes, offsetof(sockaddr_in, sin_port)));
    switch (family) {
        case AF_UNIX:
            return unix_path_text(bytes);
        case AF_INET:
            return start + fill_in(", sin_port=htons({}), sin_addr=inet_addr(\"{}\")}", port,
                                   ip_text(AF_INET, bytes, offsetof(sockaddr_in, sin_addr)));
        case AF_INET6:
            return start + fill_in(", sin6_port=htons({}), inet_pton(AF_INET6, \"{}\", &sin6_addr), sin6_scope_id={}}",
                                   port, ip_text(AF_INET6, bytes, offsetof(sockaddr_in6, sin6_addr)),
                                   word_at<std::uint32_t>(bytes, offsetof(sockaddr_in6, sin6_scope_id)));
        default:
            return start + ", ...}";
    }
}

std::string polls_text(std::string_view bytes, bool is_answer, bool is_cut) {
    std::string text;
    std::size_t shown = 0;
    for (std::size_t at = 0; at + sizeof(pollfd) <= bytes.size(); at += sizeof(pollfd)) {
        const auto poll = word_at<pollfd>(bytes, at);
        if (is_answer && poll.revents == 0) continue;
        if (shown++ != 0) text += ", ";
        text += fill_in("{fd={}, {}={}}", poll.fd, is_answer ? "revents" : "events",
                        poll_events_text(static_cast<std::uint16_t>(is_answer ? poll.revents : poll.events)));
    }
    return join(std::move(text), shown, is_cut);
}

std::string epoll_events_list_text(std::string_view bytes, bool is_cut) {
    std::string text;
    std::size_t shown = 0;
    for (std::size_t at = 0; at + sizeof(epoll_event) <= bytes.size(); at += sizeof(epoll_event)) {
        if (shown++ != 0) text += ", ";
        text += struct_text(Argument::in_event, bytes.substr(at, sizeof(epoll_event)));
    }
    return join(std::move(text), shown, is_cut);
}

}  // namespace husk::trace
