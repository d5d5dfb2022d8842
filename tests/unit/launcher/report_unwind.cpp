// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/backtrace.hpp"

#include <doctest/doctest.h>
#include <dwarf.h>

#include <map>

using namespace husk::report;

namespace {

// A stack that grows down from 0x1000, as words by address.
using Memory = std::map<std::uint64_t, std::uint64_t>;

ReadWord reader_of(const Memory& memory) {
    return [&memory](std::uint64_t address) -> std::optional<std::uint64_t> {
        const auto word = memory.find(address);
        return word == memory.end() ? std::nullopt : std::optional(word->second);
    };
}

FrameState frame_at(std::uint64_t pc, std::uint64_t stack_pointer, std::uint64_t frame_pointer = 0) {
    FrameState frame;
    frame.registers[dwarf_register::rip] = pc;
    frame.registers[dwarf_register::rsp] = stack_pointer;
    frame.registers[dwarf_register::rbp] = frame_pointer;
    return frame;
}

// CFA = rsp + `bytes`, return address in the word below it, everything else kept.
FrameRules rules_with_frame_of(std::uint64_t bytes) {
    FrameRules rules;
    rules.cfa = {{DW_OP_breg7, bytes, 0}};
    for (RegisterRule& rule : rules.registers) rule.kind = RegisterRule::Kind::same;
    rules.registers[dwarf_register::rip] = {
        RegisterRule::Kind::at_address,
        {{DW_OP_call_frame_cfa, 0, 0}, {DW_OP_plus_uconst, static_cast<std::uint64_t>(-8), 0}}};
    return rules;
}

std::vector<std::uint64_t> pcs_of(const Backtrace& backtrace) {
    std::vector<std::uint64_t> pcs;
    for (const Frame& frame : backtrace.frames) pcs.push_back(frame.pc);
    return pcs;
}

}  // namespace

TEST_CASE("calls are followed by the unwind table up to an undefined return address") {
    const Memory memory{{0x108, 0x2005}, {0x128, 0x3005}};
    const auto find_rules = [](std::uint64_t pc) -> std::optional<FrameRules> {
        if (pc == 0x1000) return rules_with_frame_of(0x10);
        if (pc == 0x2004) return rules_with_frame_of(0x20);
        FrameRules outermost = rules_with_frame_of(8);
        outermost.registers[dwarf_register::rip] = {};
        return outermost;
    };
    const Backtrace backtrace = unwind(frame_at(0x1000, 0x100), find_rules, reader_of(memory));
    CHECK(pcs_of(backtrace) == std::vector<std::uint64_t>{0x1000, 0x2005, 0x3005});
    CHECK(backtrace.frames[0].lookup_pc == 0x1000);
    CHECK(backtrace.frames[1].lookup_pc == 0x2004);
}

TEST_CASE("the caller of a signal frame is looked up at the very instruction and may have a lower stack") {
    const Memory memory{{0x808, 0x2001}, {0x900, 0x5000}, {0x908, 0x50}};
    const auto find_rules = [](std::uint64_t pc) -> std::optional<FrameRules> {
        if (pc == 0x1000) return rules_with_frame_of(0x10);
        if (pc != 0x2000) return std::nullopt;
        FrameRules rules = rules_with_frame_of(8);
        rules.is_signal_frame = true;
        rules.registers[dwarf_register::rip] = {RegisterRule::Kind::at_address, {{DW_OP_const2u, 0x900, 0}}};
        rules.registers[dwarf_register::rsp] = {RegisterRule::Kind::at_address, {{DW_OP_const2u, 0x908, 0}}};
        return rules;
    };
    const Backtrace backtrace = unwind(frame_at(0x1000, 0x800), find_rules, reader_of(memory));
    REQUIRE(pcs_of(backtrace) == std::vector<std::uint64_t>{0x1000, 0x2001, 0x5000});
    CHECK(backtrace.frames[2].lookup_pc == 0x5000);
}

TEST_CASE("a call into nowhere is followed back through the word on top of the stack") {
    const Memory memory{{0x100, 0x2005}};
    const auto find_rules = [](std::uint64_t pc) -> std::optional<FrameRules> {
        return pc == 0x2004 ? std::optional(rules_with_frame_of(0x10)) : std::nullopt;
    };
    CHECK(pcs_of(unwind(frame_at(0, 0x100), find_rules, reader_of(memory))) == std::vector<std::uint64_t>{0, 0x2005});
}

TEST_CASE("without unwind tables frame pointers are followed") {
    const Memory memory{{0x110, 0x120}, {0x118, 0x2005}, {0x120, 0}, {0x128, 0x3005}};
    const auto none = [](std::uint64_t) -> std::optional<FrameRules> { return std::nullopt; };
    CHECK(pcs_of(unwind(frame_at(0x1000, 0x100, 0x110), none, reader_of(memory))) ==
          std::vector<std::uint64_t>{0x1000, 0x2005, 0x3005});
}

TEST_CASE("a stack that leads in a circle or for ever ends the backtrace") {
    const Memory circle{{0x110, 0x110}, {0x118, 0x2005}};
    const auto none = [](std::uint64_t) -> std::optional<FrameRules> { return std::nullopt; };
    CHECK(unwind(frame_at(0x1000, 0x100, 0x110), none, reader_of(circle)).frames.size() == 2);

    const ReadWord anything = [](std::uint64_t) -> std::optional<std::uint64_t> { return 0x2005; };
    const auto always = [](std::uint64_t) { return std::optional(rules_with_frame_of(0x10)); };
    const Backtrace endless = unwind(frame_at(0x1000, 0x100), always, anything);
    CHECK(endless.frames.size() == frames_max);
    CHECK(endless.cut);
}

TEST_CASE("expressions are computed as DWARF says, and unknown ones give nothing") {
    const Memory memory{{0x18, 0x42}};
    const FrameState frame = frame_at(0x1000, 0x10);
    const ReadWord read_word = reader_of(memory);
    CHECK(evaluate({{DW_OP_breg7, 8, 0}, {DW_OP_deref, 0, 0}}, frame, std::nullopt, read_word) == 0x42);
    // The rule of every PLT: cfa = rsp + 8 + ((rip & 15) >= 11) << 3.
    const Expression plt{{DW_OP_breg7, 8, 0}, {DW_OP_breg16, 0, 0}, {DW_OP_lit15, 0, 0},
                         {DW_OP_and, 0, 0},   {DW_OP_lit11, 0, 0},  {DW_OP_ge, 0, 0},
                         {DW_OP_lit3, 0, 0},  {DW_OP_shl, 0, 0},    {DW_OP_plus, 0, 0}};
    CHECK(evaluate(plt, frame_at(0x100b, 0x10), std::nullopt, read_word) == 0x20);
    CHECK(evaluate(plt, frame_at(0x100a, 0x10), std::nullopt, read_word) == 0x18);
    CHECK_FALSE(evaluate({{DW_OP_plus, 0, 0}}, frame, std::nullopt, read_word).has_value());
    CHECK_FALSE(evaluate({{DW_OP_call_frame_cfa, 0, 0}}, frame, std::nullopt, read_word).has_value());
    CHECK_FALSE(evaluate({{DW_OP_lit1, 0, 0}, {DW_OP_deref, 0, 0}}, frame, std::nullopt, read_word).has_value());
    CHECK_FALSE(evaluate({{DW_OP_call4, 0, 0}}, frame, std::nullopt, read_word).has_value());
    CHECK_FALSE(evaluate(Expression(1000, {DW_OP_lit1, 0, 0}), frame, std::nullopt, read_word).has_value());
}
