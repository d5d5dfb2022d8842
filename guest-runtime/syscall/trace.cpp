// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/trace.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/arch/page_table_gate.hpp"
#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/syscall/table.hpp"
#include "guest-runtime/syscall/trace_capture.hpp"
#include "guest-runtime/thread/signal_observer.hpp"

namespace husk::sys {

namespace {

// What the dispatch table held before; in bss, so that an image that is not traced has none of it.
constinit std::array<Handler, SYSCALL_COUNT> handlers{};

// Where nobody takes records: numbers only, a line each.
void print(const abi::TraceRecord& record) {
    char buffer[192];
    TextWriter line(buffer);
    line.text("trace ").decimal(record.tid).text(" ").decimal(record.time_ns / 1000).text(" us ");
    if (record.kind == abi::TraceKind::signal) {
        line.text("signal ").decimal(record.number);
    } else if (record.kind == abi::TraceKind::exit) {
        line.text(call_name(record.number)).text(" = ").signed_decimal(static_cast<std::int64_t>(record.values[0]));
    } else {
        line.text(call_name(record.number)).text("(");
        for (std::uint64_t value : record.values) line.text(" 0x").hex(value);
        line.text(" )");
    }
    log_line(line.view());
}

void send(TraceWriter& writer) {
    if (!platform::trace(writer.finish())) print(writer.header());
}

// Their records lie on the kernel stack only while they are written: not below what the call itself needs.
[[gnu::noinline]] void note_entry(const Call& call) {
    TraceWriter writer(abi::TraceKind::entry, call.orig_rax);
    for (unsigned i = 0; i < 6; ++i) writer.header().values[i] = call[i];
    writer.capture(call, false, 0);
    send(writer);
}

[[gnu::noinline]] void note_exit(const Call& call, std::uint64_t number, long result) {
    TraceWriter writer(abi::TraceKind::exit, number);
    writer.header().values[0] = static_cast<std::uint64_t>(result);
    if (result >= 0) writer.capture(call, true, result);
    send(writer);
}

void note_signal(const thread::SignalInfo& info) {
    TraceWriter writer(abi::TraceKind::signal, static_cast<std::uint64_t>(info.number));
    writer.header().values[0] = static_cast<std::uint64_t>(static_cast<std::int64_t>(info.code));
    writer.header().values[1] = info.code > 0 ? info.fault.address : static_cast<std::uint64_t>(info.sender.pid);
    send(writer);
}

SysResult traced(const Call& call) {
    std::uint64_t number = call.orig_rax;  // rt_sigreturn replaces it
    note_entry(call);
    SysResult result = handlers[number](call);
    note_exit(call, number, result.raw());
    return result;
}

// `list`: names with commas between them, or "all".
bool is_listed(std::string_view list, std::string_view name) {
    while (!list.empty()) {
        std::string_view item = list.substr(0, list.find(','));
        if (item == name || item == "all") return true;
        list.remove_prefix(std::min(item.size() + 1, list.size()));
    }
    return false;
}

void replace_handlers(std::string_view list) {
    handlers = husk_syscall_table;
    std::array<std::uint64_t, 64> words;  // the stack is small
    for (std::uint64_t first = 0; first < SYSCALL_COUNT; first += words.size()) {
        std::size_t count = std::min<std::size_t>(words.size(), SYSCALL_COUNT - first);
        for (std::uint64_t i = 0; i < count; ++i) {
            bool is_wanted = is_listed(list, call_name(first + i));
            words[i] = std::bit_cast<std::uint64_t>(is_wanted ? Handler{traced} : handlers[first + i]);
        }
        // SAFETY: an address only; the image is mapped where it lies.
        arch::write_constants({reinterpret_cast<std::uint64_t>(&husk_syscall_table[first])},
                              std::span(words).first(count));
    }
}

}  // namespace

void start_trace(std::string_view settings) {
    constexpr std::string_view key = "trace=";
    while (!settings.empty()) {
        std::string_view setting = settings.substr(0, settings.find('\0'));
        settings.remove_prefix(std::min(setting.size() + 1, settings.size()));
        if (!setting.starts_with(key)) continue;
        replace_handlers(setting.substr(key.size()));
        thread::signal_observer = note_signal;
        return;
    }
}

}  // namespace husk::sys
