// SPDX-License-Identifier: Apache-2.0
#include "launcher/trace/tracer.hpp"

#include <array>
#include <cstdio>
#include <utility>

#include "launcher/config/text.hpp"
#include "launcher/trace/call_text.hpp"
#include "launcher/trace/constant_names.hpp"

namespace husk::trace {

namespace {

using config::fill_in;

constexpr std::size_t most_calls = 1 << 16;  // that wait at a time, whatever thread numbers the guest makes up

std::string seconds_text(std::uint64_t time_ns) {
    constexpr std::uint64_t second_ns = 1'000'000'000, us_ns = 1'000;
    std::array<char, 40> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%lu.%06lu", static_cast<unsigned long>(time_ns / second_ns),
                  static_cast<unsigned long>(time_ns % second_ns / us_ns));
    return buffer.data();
}

std::string duration_text(const Record& entry, const Record& exit) {
    const std::uint64_t begin_ns = entry.header.time_ns;
    return " <" + seconds_text(exit.header.time_ns > begin_ns ? exit.header.time_ns - begin_ns : 0) + ">";
}

bool never_returns(std::string_view name) { return name == "exit" || name == "exit_group"; }

}  // namespace

void Tracer::take(std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    if (!stream_.take(bytes) && !std::exchange(is_broken_, true))
        lines_ += "husk: the guest's trace is damaged, and ends here\n";
    flush();
}

void Tracer::on_period() {
    const std::lock_guard lock(mutex_);
    if (!hidden_) return;
    if (std::exchange(calls_[*hidden_].is_old, true)) show_beginning();
    flush();
}

void Tracer::finish(int status, int signal) {
    const std::lock_guard lock(mutex_);
    for (const auto& [tid, call] : calls_) {
        const std::string start = call.is_shown ? "<... " + call_name(call.entry.header.number) + " resumed>"
                                                : beginning_text(call.entry) + " <unfinished ...>";
        add_line(call.entry.header, start + ending_text(call.entry, nullptr));
    }
    calls_.clear();
    hidden_.reset();
    lines_ += signal != 0 ? fill_in("+++ killed by {} +++\n", signal_text(static_cast<std::uint64_t>(signal)))
                          : fill_in("+++ exited with {} +++\n", status);
    flush();
}

void Tracer::on_record(Record record) {
    const std::uint32_t tid = record.header.tid;
    const bool is_end_of_hidden = record.header.kind == abi::TraceKind::exit && hidden_ == tid;
    if (!is_end_of_hidden) show_beginning();
    switch (record.header.kind) {
        case abi::TraceKind::entry:
            return on_entry(std::move(record));
        case abi::TraceKind::exit:
            return on_exit(record);
        case abi::TraceKind::signal:
            return add_line(record.header, signal_line_text(record));
    }
}

void Tracer::on_entry(Record record) {
    if (never_returns(call_name(record.header.number))) {
        add_line(record.header, beginning_text(record) + ending_text(record, nullptr));
        calls_.erase(record.header.tid);
        return;
    }
    if (calls_.size() >= most_calls) calls_.clear();
    const std::uint32_t tid = record.header.tid;
    hidden_ = tid;
    calls_[tid] = {std::move(record)};
}

void Tracer::on_exit(const Record& record) {
    const auto found = calls_.find(record.header.tid);
    if (found == calls_.end()) return;
    const Call& call = found->second;
    const std::string end = ending_text(call.entry, &record) + duration_text(call.entry, record);
    if (call.is_shown) {
        add_line(record.header, "<... " + call_name(record.header.number) + " resumed>" + end);
    } else {
        add_line(call.entry.header, beginning_text(call.entry) + end);
    }
    hidden_.reset();
    calls_.erase(found);
}

void Tracer::show_beginning() {
    if (!hidden_) return;
    Call& call = calls_[*hidden_];
    add_line(call.entry.header, beginning_text(call.entry) + " <unfinished ...>");
    call.is_shown = true;
    hidden_.reset();
}

void Tracer::add_line(const abi::TraceRecord& header, const std::string& text) {
    std::array<char, 16> tid{};
    std::snprintf(tid.data(), tid.size(), "%-5u ", header.tid);
    lines_ += tid.data() + seconds_text(header.time_ns) + " " + text + "\n";
}

void Tracer::flush() {
    if (!lines_.empty()) write_text_(std::exchange(lines_, {}));
}

}  // namespace husk::trace
