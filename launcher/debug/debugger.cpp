// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/debugger.hpp"

#include <csignal>

#include "launcher/config/text.hpp"
#include "launcher/debug/registers.hpp"
#include "launcher/report/write_text.hpp"

namespace husk::debug {

Debugger::Debugger(const config::DebugAddress& address, const abi::ImageNote& note, const report::XsaveLayout& layout)
    : connection_(address), session_(note, (layout.xcr0 & avx_component) != 0), layout_(layout) {}

run::StopAnswer Debugger::on_stop(const run::StopView& view) {
    StoppedGuest guest(view.memory, view.page_table_root, {view.record.threads_gpa}, view.record.thread_count,
                       layout_.size_bytes);
    std::optional<StopCause> cause;
    if (!has_begun_) {
        has_begun_ = true;
        if (!await_gdb(view.is_ending)) return {false, false, -1, false};
        cause = StopCause{SIGTRAP, {}};
    } else {
        cause = judge(view, guest);
    }
    if (!cause) return go_on(guest, {Resumption::Kind::go_on, stepping_, true});
    const Resumption resumption = serve({guest, view.record.current_tid, view.is_ending}, *cause, owes_report_);
    shown_fault_ = view.record.reason == abi::StopReason::fault ? view.record.signal : 0;
    return go_on(guest, resumption);
}

void Debugger::on_crash(const run::CrashView& crash, bool waits) {
    // GDB has seen it as a fault, and let it go on.
    if (shown_fault_ != 0 && shown_fault_ == crash.record.signal) return;
    if (waits && !connection_.is_open() && !await_gdb(crash.is_ending)) return;
    if (!connection_.is_open()) return;
    StoppedGuest guest(crash.memory, crash.page_table_root, {crash.record.threads_gpa}, crash.record.thread_count,
                       layout_.size_bytes);
    const int signal = crash.record.kind == abi::CrashKind::signal ? static_cast<int>(crash.record.signal) : SIGABRT;
    const std::uint32_t tid = guest.threads().empty() ? 0 : guest.threads().front().tid;
    const Resumption resumption = serve({guest, tid, crash.is_ending}, {signal, {}}, owes_report_);
    owes_report_ = resumption.kind != Resumption::Kind::detach;
    if (!owes_report_) connection_.close();
}

void Debugger::on_end(int exit_status, int signal) {
    if (!connection_.is_open() || !owes_report_) return;
    const auto code = static_cast<std::byte>(signal != 0 ? signal : exit_status);
    connection_.send((signal != 0 ? "X" : "W") + to_hex(std::span(&code, 1)));
}

bool Debugger::await_gdb(const std::function<bool()>& is_ending) {
    report::say(config::fill_in("waiting for gdb; in gdb: target remote {}", connection_.name()));
    while (!connection_.try_accept()) {
        if (!connection_.wait(is_ending)) return false;
    }
    owes_report_ = false;
    return true;
}

std::optional<StopCause> Debugger::judge(const run::StopView& view, StoppedGuest& guest) {
    const std::uint32_t tid = view.record.current_tid;
    // A GDB that comes now asks by itself what there is.
    if (!connection_.is_open()) {
        if (!connection_.try_accept()) return std::nullopt;
        owes_report_ = false;
        return StopCause{SIGTRAP, {}};
    }
    switch (view.record.reason) {
        case abi::StopReason::asked:
            if (auto cause = judge_request()) return cause;
            return judge_step(tid, guest);
        case abi::StopReason::step:
            return judge_step(tid, guest);
        case abi::StopReason::breakpoint:
            return judge_breakpoint(tid, guest);
        case abi::StopReason::fault:
            return StopCause{static_cast<int>(view.record.signal), {}};
    }
    return std::nullopt;
}

std::optional<StopCause> Debugger::judge_request() {
    while (const auto received = connection_.try_receive()) {
        if (received->kind == Received::Kind::interrupt) return StopCause{SIGINT, {}};
    }
    // It went away without a word: the guest goes on without it.
    if (!connection_.is_open()) return StopCause{SIGINT, {}};
    return std::nullopt;
}

std::optional<StopCause> Debugger::judge_step(std::uint32_t tid, const StoppedGuest& guest) {
    if (const auto changed = session_.try_find_change(guest))
        return StopCause{SIGTRAP, "watch:" + hex_number(changed->value) + ";"};
    if (stepping_.contains(tid)) return StopCause{SIGTRAP, {}};
    return std::nullopt;
}

StopCause Debugger::judge_breakpoint(std::uint32_t tid, StoppedGuest& guest) const {
    auto state = guest.read_state(tid);
    // Another int3 is the application's own.
    if (!state || !session_.breakpoints().contains({state->general.rip - 1})) return {SIGTRAP, {}};
    --state->general.rip;
    static_cast<void>(guest.write_state(tid, *state));
    return {SIGTRAP, "swbreak:;"};
}

Resumption Debugger::serve(Stop stop, const StopCause& cause, bool reports) {
    session_.begin_stop(stop.guest, stop.tid, cause);
    if (reports && connection_.is_open()) connection_.send(session_.stop_reply());
    owes_report_ = false;
    for (;;) {
        const auto received = connection_.is_open() ? connection_.try_receive() : std::nullopt;
        if (!connection_.is_open()) return {Resumption::Kind::detach, {}, true};
        if (!received) {
            if (!connection_.wait(stop.is_ending)) return {Resumption::Kind::kill, {}, false};
            continue;
        }
        if (received->kind != Received::Kind::packet) continue;
        const Session::Answer answer = session_.answer(received->payload);
        if (answer.stops_acknowledging) connection_.stop_acknowledging();
        if (answer.reply) connection_.send(*answer.reply);
        if (answer.resumption) return *answer.resumption;
    }
}

run::StopAnswer Debugger::go_on(StoppedGuest& guest, const Resumption& resumption) {
    if (resumption.kind == Resumption::Kind::kill) return {false, false, -1, false};
    if (resumption.kind == Resumption::Kind::detach) {
        session_.clear(guest);
        connection_.close();
    }
    owes_report_ = connection_.is_open();
    stepping_ = resumption.steps;
    for (const abi::CrashThread& thread : guest.threads())
        guest.let_step(thread.tid, stepping_.contains(thread.tid) || session_.is_watching());
    guest.write_back();
    return {true, resumption.takes_signal, connection_.watch_fd(), connection_.is_interrupted()};
}

}  // namespace husk::debug
