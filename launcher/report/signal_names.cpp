// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/signal_names.hpp"

#include <array>
#include <csignal>
#include <cstring>

#include "launcher/config/text.hpp"

namespace husk::report {

namespace {

struct Code {
    int signal;
    int code;
    const char* meaning;
};

constexpr std::array codes{
    Code{SIGSEGV, SEGV_MAPERR, "address not mapped"},
    Code{SIGSEGV, SEGV_ACCERR, "access not permitted"},
    Code{SIGSEGV, SI_KERNEL, "general protection fault"},
    Code{SIGBUS, BUS_ADRALN, "misaligned address"},
    Code{SIGBUS, BUS_ADRERR, "no memory behind the address"},
    Code{SIGFPE, FPE_INTDIV, "integer division by zero"},
    Code{SIGFPE, FPE_INTOVF, "integer overflow"},
    Code{SIGFPE, FPE_FLTDIV, "floating-point division by zero"},
    Code{SIGFPE, FPE_FLTOVF, "floating-point overflow"},
    Code{SIGFPE, FPE_FLTUND, "floating-point underflow"},
    Code{SIGFPE, FPE_FLTRES, "floating-point inexact result"},
    Code{SIGFPE, FPE_FLTINV, "invalid floating-point operation"},
    Code{SIGILL, ILL_ILLOPN, "illegal operand"},
    Code{SIGILL, ILL_ILLOPC, "illegal instruction"},
    Code{SIGILL, ILL_PRVOPC, "privileged instruction"},
    Code{SIGTRAP, TRAP_BRKPT, "breakpoint"},
};

}  // namespace

std::string signal_name(std::uint32_t signal) {
    const char* abbreviation = signal < NSIG ? sigabbrev_np(static_cast<int>(signal)) : nullptr;
    if (abbreviation == nullptr) return config::fill_in("signal {}", signal);
    return std::string("SIG") + abbreviation;
}

std::string describe_code(std::uint32_t signal, std::int32_t code) {
    for (const Code& known : codes) {
        if (static_cast<std::uint32_t>(known.signal) == signal && known.code == code) return known.meaning;
    }
    return {};
}

bool has_address(std::uint32_t signal, std::int32_t code) {
    const bool synchronous = signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL;
    return synchronous && code > 0 && code != SI_KERNEL;
}

}  // namespace husk::report
