// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/crash_text.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "launcher/config/text.hpp"
#include "launcher/image/symbols.hpp"
#include "launcher/report/backtrace.hpp"
#include "launcher/report/debug_info.hpp"
#include "launcher/report/signal_names.hpp"

namespace husk::report {

namespace {

using config::fill_in;
using config::Hex;

std::string padded_hex(std::uint64_t value) {
    constexpr std::size_t digits = 16;
    const std::string text = fill_in("{}", Hex{value}).substr(2);
    return "0x" + std::string(digits - text.size(), '0') + text;
}

std::string describe_frame(const Frame& frame, const image::SymbolTable& symbols, const DebugInfo& debug_info) {
    std::string text = padded_hex(frame.pc) + " in ";
    const image::Symbol* symbol = symbols.find(frame.lookup_pc);
    // Without a symbol there is no code: functions that the linker dropped left line numbers at address 0.
    if (symbol == nullptr) return text + "?";
    text += make_printable(demangle(symbol->name)) + fill_in("+{}", frame.pc - symbol->begin);
    const auto line = debug_info.find_line(frame.lookup_pc);
    if (line) text += fill_in(" at {}:{}", make_printable(line->file), line->line);
    return text;
}

// Frames at one and the same place: recursion.
struct Run {
    std::size_t first;
    std::size_t count;
};

std::vector<Run> find_runs(std::span<const Frame> frames) {
    std::vector<Run> runs;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        if (!runs.empty() && frames[i].lookup_pc == frames[runs.back().first].lookup_pc) {
            ++runs.back().count;
        } else {
            runs.push_back({i, 1});
        }
    }
    return runs;
}

}  // namespace

std::string demangle(const std::string& name) {
    struct Free {
        void operator()(char* text) const { std::free(text); }
    };
    int status = 0;
    const std::unique_ptr<char, Free> text(__cxxabiv1::__cxa_demangle(name.c_str(), nullptr, nullptr, &status));
    return status == 0 ? std::string(text.get()) : name;
}

std::string describe_cause(const Crash& crash) {
    const abi::CrashRecord& record = crash.record;
    std::string text;
    if (record.kind == abi::CrashKind::panic) {
        text = "the guest runtime failed";
    } else {
        text = "the application was ended by " + signal_name(record.signal);
        if (has_address(record.signal, record.signal_code)) text += fill_in(" at {}", Hex{record.fault_address});
        const std::string meaning = describe_code(record.signal, record.signal_code);
        if (!meaning.empty()) text += " (" + meaning + ")";
    }
    if (!crash.threads.empty()) {
        text += fill_in(" in thread {} ({})", crash.threads.front().tid, thread_name(crash.threads.front()));
    }
    if (!crash.message.empty()) text += ": " + crash.message;
    if (crash.damaged) text += " [the guest's crash record is damaged]";
    return text;
}

std::string describe_registers(const abi::CrashRegisters& r) {
    struct Named {
        const char* name;
        std::uint64_t value;
    };
    const Named all[] = {{"rip", r.rip}, {"rsp", r.rsp}, {"rbp", r.rbp}, {"flg", r.rflags}, {"rax", r.rax},
                         {"rbx", r.rbx}, {"rcx", r.rcx}, {"rdx", r.rdx}, {"rsi", r.rsi},    {"rdi", r.rdi},
                         {"r8 ", r.r8},  {"r9 ", r.r9},  {"r10", r.r10}, {"r11", r.r11},    {"r12", r.r12},
                         {"r13", r.r13}, {"r14", r.r14}, {"r15", r.r15}, {"fs ", r.fs_base}};
    std::string text;
    std::size_t column = 0;
    for (const Named& named : all) {
        text += fill_in("  {} {}", named.name, padded_hex(named.value));
        if (++column % 4 == 0) text += "\n";
    }
    return column % 4 == 0 ? text : text + "\n";
}

std::string describe_calls(const abi::CrashThread& thread, const GuestPages& pages, const host::FileDescriptor& image) {
    const image::SymbolTable symbols = image::read_symbols(image);
    const DebugInfo debug_info(image);
    const ReadWord read_word = [&](std::uint64_t address) -> std::optional<std::uint64_t> {
        std::uint64_t word = 0;
        if (!pages.copy_in({address}, std::as_writable_bytes(std::span(&word, 1)))) return std::nullopt;
        return word;
    };
    const auto find_rules = [&](std::uint64_t pc) { return debug_info.find_rules(pc); };
    const Backtrace backtrace = unwind(first_frame(thread.registers), find_rules, read_word);

    return list_frames(backtrace, [&](const Frame& frame) { return describe_frame(frame, symbols, debug_info); });
}

std::string list_frames(const Backtrace& backtrace, const std::function<std::string(const Frame&)>& describe) {
    const std::vector<Run> runs = find_runs(backtrace.frames);
    const std::size_t left_out =
        runs.size() > first_lines_max + last_lines_max ? runs.size() - first_lines_max - last_lines_max : 0;
    std::string text;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (left_out != 0 && i == first_lines_max) {
            i += left_out;
            text += fill_in("  ... {} calls left out\n", runs[i].first - runs[first_lines_max].first);
        }
        text += fill_in("  #{} {}\n", runs[i].first, describe(backtrace.frames[runs[i].first]));
        if (runs[i].count > 1) text += fill_in("  ... the same call {} times more\n", runs[i].count - 1);
    }
    if (backtrace.cut) text += "  ... and more calls\n";
    return text;
}

}  // namespace husk::report
