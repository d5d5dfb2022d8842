// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/backtrace.hpp"

namespace husk::report {

namespace {

constexpr std::uint64_t word_bytes = sizeof(std::uint64_t);

// A jump or call to an address without code left its return address on top of the stack.
std::optional<FrameState> pop_return_address(const FrameState& frame, const FindRules& find_rules,
                                             const ReadWord& read_word) {
    const auto return_address = read_word(frame.stack_pointer());
    if (!return_address || *return_address == 0 || !find_rules(*return_address - 1)) return std::nullopt;
    FrameState caller = frame;
    caller.registers[dwarf_register::rip] = return_address;
    caller.registers[dwarf_register::rsp] = frame.stack_pointer() + word_bytes;
    return caller;
}

std::optional<FrameState> follow_frame_pointer(const FrameState& frame, const ReadWord& read_word) {
    const auto base = frame.registers[dwarf_register::rbp];
    if (!base || *base < frame.stack_pointer()) return std::nullopt;
    const auto saved_base = read_word(*base);
    const auto return_address = read_word(*base + word_bytes);
    if (!saved_base || !return_address) return std::nullopt;
    FrameState caller;
    caller.registers[dwarf_register::rbp] = saved_base;
    caller.registers[dwarf_register::rsp] = *base + 2 * word_bytes;
    caller.registers[dwarf_register::rip] = return_address;
    return caller;
}

}  // namespace

Backtrace unwind(const FrameState& innermost, const FindRules& find_rules, const ReadWord& read_word) {
    Backtrace backtrace;
    FrameState frame = innermost;
    bool interrupted = true;  // the pc is of an instruction that did not finish, not behind a call
    for (;;) {
        const std::uint64_t lookup_pc = frame.pc() - (interrupted ? 0 : 1);
        backtrace.frames.push_back({frame.pc(), lookup_pc});

        const auto rules = find_rules(lookup_pc);
        std::optional<FrameState> caller;
        if (rules) {
            caller = apply_rules(*rules, frame, read_word);
        } else {
            if (backtrace.frames.size() == 1) caller = pop_return_address(frame, find_rules, read_word);
            if (!caller) caller = follow_frame_pointer(frame, read_word);
        }
        if (!caller || caller->pc() == 0) return backtrace;
        // Only a signal frame may lead to a lower stack: the handler may run on a stack of its own.
        const bool from_signal = rules && rules->is_signal_frame;
        if (!from_signal && caller->stack_pointer() <= frame.stack_pointer()) return backtrace;
        if (backtrace.frames.size() == frames_max) {
            backtrace.cut = true;
            return backtrace;
        }
        interrupted = from_signal;
        frame = *caller;
    }
}

}  // namespace husk::report
