// SPDX-License-Identifier: Apache-2.0
// How a guest died, as text on stderr: there is no launcher that could tell more.
#include <array>

#include "guest-runtime/base/format.hpp"
#include "guest-runtime/drivers/foreign_console.hpp"
#include "guest-runtime/drivers/foreign_machine.hpp"

namespace husk::foreign_machine {

namespace {

constexpr std::array<std::string_view, 32> signal_names = {
    "",     "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "POLL", "PWR",  "SYS"};
constexpr std::uint32_t signals_with_address = 1u << 4 | 1u << 7 | 1u << 8 | 1u << 11;  // ILL, BUS, FPE, SEGV
constexpr std::int32_t code_kernel = 0x80;

void describe_cause(TextWriter& text, const abi::CrashRecord& record, const abi::CrashThread* thread) {
    if (record.kind == abi::CrashKind::panic) {
        text.text("husk: the guest runtime failed");
    } else {
        text.text("husk: the application was ended by ");
        if (record.signal != 0 && record.signal < signal_names.size()) {
            text.text("SIG").text(signal_names[record.signal]);
        } else {
            text.text("signal ").decimal(record.signal);
        }
        bool has_address = record.signal < 32 && (signals_with_address >> record.signal & 1) != 0 &&
                           record.signal_code > 0 && record.signal_code != code_kernel;
        if (has_address) text.text(" at 0x").hex(record.fault_address);
    }
    if (thread != nullptr) {
        std::string_view name(thread->name, sizeof thread->name);
        text.text(" in thread ").decimal(thread->tid).text(" (").text(name.substr(0, name.find('\0'))).text(")");
    }
    if (record.message_bytes != 0) {
        // SAFETY: the text that the record names lies in the image, whose gpas are its addresses.
        text.text(": ").text({reinterpret_cast<const char*>(record.message_gpa), record.message_bytes});
    }
    text.text("\n");
}

void describe_registers(TextWriter& text, const abi::CrashRegisters& r) {
    struct Named {
        std::string_view name;
        std::uint64_t value;
    };
    const Named all[] = {{"rip", r.rip}, {"rsp", r.rsp}, {"rbp", r.rbp}, {"flg", r.rflags}, {"rax", r.rax},
                         {"rbx", r.rbx}, {"rcx", r.rcx}, {"rdx", r.rdx}, {"rsi", r.rsi},    {"rdi", r.rdi},
                         {"r8 ", r.r8},  {"r9 ", r.r9},  {"r10", r.r10}, {"r11", r.r11},    {"r12", r.r12},
                         {"r13", r.r13}, {"r14", r.r14}, {"r15", r.r15}, {"fs ", r.fs_base}};
    std::size_t column = 0;
    for (const Named& named : all) {
        text.text("  ").text(named.name).text(" 0x").hex(named.value, 16);
        if (++column % 4 == 0) text.text("\n");
    }
    text.text("\n");
}

}  // namespace

void report_crash(const abi::CrashRecord& record) {
    static constinit std::array<char, 2048> buffer{};
    TextWriter text(buffer);
    // SAFETY: the threads lie in the image, whose gpas are its addresses.
    const auto* thread =
        record.thread_count != 0 ? reinterpret_cast<const abi::CrashThread*>(record.threads_gpa) : nullptr;
    describe_cause(text, record, thread);
    if (thread != nullptr) {
        describe_registers(text, thread->registers);
        text.text("husk: for the calls that led here, run the same image under `husk run`\n");
    }
    foreign_console::print_error(text.view());
    if (record.kind == abi::CrashKind::panic) foreign_console::print_status("panic");
}

}  // namespace husk::foreign_machine
