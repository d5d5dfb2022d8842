// SPDX-License-Identifier: Apache-2.0
// The words of Linux signals: numbers, sets, the information that travels with one, and what is done about it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::thread {

namespace signal_number {
inline constexpr int hup = 1, interrupt = 2, quit = 3, ill = 4, trap = 5, abrt = 6, bus = 7, fpe = 8, kill = 9,
                     usr1 = 10, segv = 11, usr2 = 12, pipe = 13, alrm = 14, term = 15, stkflt = 16, chld = 17,
                     cont = 18, stop = 19, tstp = 20, ttin = 21, ttou = 22, urg = 23, xcpu = 24, xfsz = 25, vtalrm = 26,
                     prof = 27, winch = 28, io = 29, pwr = 30, sys = 31, first_realtime = 32, last = 64;
}

// Bit n - 1 stands for signal n.
using SignalSet = std::uint64_t;
constexpr SignalSet signal_bit(int number) { return 1ull << (number - 1); }
inline constexpr SignalSet unblockable = signal_bit(signal_number::kill) | signal_bit(signal_number::stop);

// si_code values.
inline constexpr int si_user = 0, si_kernel = 0x80, si_queue = -1, si_timer = -2, si_tkill = -6;

// Linux's siginfo_t.
struct SignalInfo {
    std::int32_t number = 0;
    std::int32_t error = 0;
    std::int32_t code = 0;
    std::int32_t padding = 0;
    union {
        struct {
            std::uint64_t address;
            std::uint64_t trap;        // behind si_addr: the runtime's own, for the frame's trapno
            std::uint64_t trap_error;  // and err
        } fault;
        struct {
            std::int32_t pid;
            std::uint32_t uid;
            std::uint64_t value;
        } sender;
        struct {
            std::int32_t id;
            std::int32_t overrun;
            std::uint64_t value;
        } timer;
        std::uint8_t bytes[112] = {};
    };
};
static_assert(sizeof(SignalInfo) == 128);

inline SignalInfo fault_info(int number, int code, std::uint64_t address, std::uint64_t trap, std::uint64_t error = 0) {
    SignalInfo info;
    info.number = number;
    info.code = code;
    info.fault = {address, trap, error};
    return info;
}

inline SignalInfo sender_info(int number, int code, std::uint64_t value = 0) {
    SignalInfo info;
    info.number = number;
    info.code = code;
    info.sender = {1, 0, value};
    return info;
}

// Linux's struct sigaction as rt_sigaction(2) passes it.
struct SignalAction {
    std::uint64_t handler = 0;  // 0: default, 1: ignore
    std::uint64_t flags = 0;
    std::uint64_t restorer = 0;
    SignalSet mask = 0;
};
inline constexpr std::uint64_t handler_default = 0, handler_ignore = 1;
inline constexpr std::uint64_t sa_siginfo = 4, sa_restorer = 0x0400'0000, sa_onstack = 0x0800'0000,
                               sa_restart = 0x1000'0000, sa_nodefer = 0x4000'0000, sa_resethand = 0x8000'0000;

enum class DefaultAction { terminate, core, ignore };
constexpr DefaultAction default_action(int number) {
    using namespace signal_number;
    switch (number) {
        case quit:
        case ill:
        case trap:
        case abrt:
        case bus:
        case fpe:
        case segv:
        case xcpu:
        case xfsz:
        case sys:
            return DefaultAction::core;
        // Job control has no one to continue a stopped VM: its signals do nothing.
        case stop:
        case tstp:
        case ttin:
        case ttou:
        case cont:
        case chld:
        case urg:
        case winch:
            return DefaultAction::ignore;
        default:
            return DefaultAction::terminate;
    }
}

}  // namespace husk::thread
