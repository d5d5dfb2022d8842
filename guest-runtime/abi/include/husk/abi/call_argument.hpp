// SPDX-License-Identifier: Apache-2.0
// The kinds of a system call's arguments, for a trace: what each means, and what of the memory behind it is wanted.
#pragma once

#include <cstdint>

namespace husk::abi {

// Of call_arguments.def. Those up to `last_plain` are numbers; behind the others lies memory.
enum class Argument : std::uint8_t {
    none,
    fd,
    folder_fd,
    number,  // signed
    count,   // unsigned
    address,
    mode,
    open_flags,
    at_flags,
    access_mode,
    whence,
    protection,
    map_flags,
    remap_flags,
    sync_flags,
    advice,
    signal,
    mask_how,
    clock,
    timer_flags,
    domain,
    socket_type,
    protocol,
    level,
    socket_option,  // of the level in front of it
    message_flags,
    shutdown_how,
    epoll_op,
    epoll_flags,
    futex_op,
    fcntl_op,
    fcntl_argument,
    ioctl_op,
    clone_flags,
    event_flags,
    timerfd_flags,
    signalfd_flags,
    prctl_op,
    arch_op,
    resource,
    usage_who,
    lock_op,
    allocate_mode,
    file_advice,
    rename_flags,
    memory_file_flags,
    random_flags,
    wait_flags,
    statx_mask,
    close_range_flags,
    barrier_op,
    last_plain = barrier_op,

    path,
    text,
    in_bytes,   // as many as the next argument says
    out_bytes,  // as many as the result says
    out_text,
    in_vector,  // iovec[next argument]
    out_vector,
    in_message,  // msghdr
    out_message,
    in_socket_address,   // as many bytes as the next argument says
    out_socket_address,  // as many as lie behind the next argument
    length,              // the length behind an address
    in_time,             // timespec
    out_time,
    futex_time,  // a timespec for some operations
    in_two_times,
    in_timeval,
    out_timeval,
    in_two_timevals,
    in_timer,  // itimerspec
    out_timer,
    in_interval,  // itimerval
    out_interval,
    out_stat,
    out_statx,
    out_file_system,
    out_system,
    out_names,
    in_limit,
    out_limit,
    out_usage,
    polls,           // pollfd[next argument]
    descriptor_set,  // fd_set with as many bits as the first argument says
    in_event,        // epoll_event
    out_events,      // epoll_event[result]
    in_signals,      // sigset_t
    out_signals,
    in_action,  // the kernel's struct sigaction
    out_action,
    in_signal_stack,
    out_signal_stack,
    out_pair,    // int[2]
    out_number,  // int
    in_option,   // as many bytes as the next argument says
    out_option,  // as many as lie behind the next argument
    offset,      // loff_t
    clone_arguments,
    open_how,
};

// What a call gives back, when it does not fail.
enum class CallResult : std::uint8_t {
    number,
    address,
    mode,
    ready,  // 0 after a time-out
};

}  // namespace husk::abi
