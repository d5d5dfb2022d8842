// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/frame_rules.hpp"

#include <dwarf.h>

namespace husk::report {

namespace {

constexpr std::size_t stack_depth_max = 64;

class Evaluation final {
public:
    Evaluation(const FrameState& frame, std::optional<std::uint64_t> cfa, const ReadWord& read_word)
        : frame_(frame), cfa_(cfa), read_word_(read_word) {}

    // False: cannot go on.
    [[nodiscard]] bool run(const Operation& operation) {
        const std::uint8_t code = operation.code;
        if (code >= DW_OP_lit0 && code <= DW_OP_lit31) return push(code - std::uint64_t{DW_OP_lit0});
        if (code >= DW_OP_breg0 && code <= DW_OP_breg31)
            return push_register(code - unsigned{DW_OP_breg0}, operation.number);
        switch (code) {
            case DW_OP_bregx:
                return push_register(operation.number, operation.number2);
            case DW_OP_call_frame_cfa:
                return cfa_ && push(*cfa_);
            case DW_OP_addr:
            case DW_OP_const1u:
            case DW_OP_const1s:
            case DW_OP_const2u:
            case DW_OP_const2s:
            case DW_OP_const4u:
            case DW_OP_const4s:
            case DW_OP_const8u:
            case DW_OP_const8s:
            case DW_OP_constu:
            case DW_OP_consts:
                return push(operation.number);
            case DW_OP_plus_uconst:
                return with_top([&](std::uint64_t top) { return top + operation.number; });
            case DW_OP_deref:
                return dereference();
            case DW_OP_dup:
                return !stack_.empty() && push(stack_.back());
            case DW_OP_plus:
                return with_two([](std::uint64_t a, std::uint64_t b) { return a + b; });
            case DW_OP_minus:
                return with_two([](std::uint64_t a, std::uint64_t b) { return a - b; });
            case DW_OP_and:
                return with_two([](std::uint64_t a, std::uint64_t b) { return a & b; });
            case DW_OP_shl:
                return with_two([](std::uint64_t a, std::uint64_t b) { return b < 64 ? a << b : 0; });
            case DW_OP_mul:
                return with_two([](std::uint64_t a, std::uint64_t b) { return a * b; });
            case DW_OP_ge:
                return with_two([](std::uint64_t a, std::uint64_t b) {
                    return static_cast<std::uint64_t>(static_cast<std::int64_t>(a) >= static_cast<std::int64_t>(b));
                });
            case DW_OP_stack_value:
            case DW_OP_nop:
                return true;
            default:
                return false;
        }
    }

    [[nodiscard]] std::optional<std::uint64_t> result() const {
        return stack_.empty() ? std::nullopt : std::optional(stack_.back());
    }

private:
    bool push(std::uint64_t value) {
        if (stack_.size() >= stack_depth_max) return false;
        stack_.push_back(value);
        return true;
    }
    bool push_register(std::uint64_t number, std::uint64_t offset) {
        return number < frame_.registers.size() && frame_.registers[number] && push(*frame_.registers[number] + offset);
    }
    bool dereference() {
        if (stack_.empty()) return false;
        const auto word = read_word_(stack_.back());
        if (!word) return false;
        stack_.back() = *word;
        return true;
    }
    bool with_top(const auto& operation) {
        if (stack_.empty()) return false;
        stack_.back() = operation(stack_.back());
        return true;
    }
    bool with_two(const auto& operation) {
        if (stack_.size() < 2) return false;
        const std::uint64_t second = stack_.back();
        stack_.pop_back();
        stack_.back() = operation(stack_.back(), second);
        return true;
    }

    const FrameState& frame_;
    std::optional<std::uint64_t> cfa_;
    const ReadWord& read_word_;
    std::vector<std::uint64_t> stack_;
};

std::optional<std::uint64_t> apply_rule(const RegisterRule& rule, std::optional<std::uint64_t> current,
                                        const FrameState& frame, std::uint64_t cfa, const ReadWord& read_word) {
    using Kind = RegisterRule::Kind;
    if (rule.kind == Kind::same) return current;
    if (rule.kind == Kind::unknown) return std::nullopt;
    const auto result = evaluate(rule.expression, frame, cfa, read_word);
    return rule.kind == Kind::at_address && result ? read_word(*result) : result;
}

}  // namespace

std::optional<std::uint64_t> evaluate(const Expression& expression, const FrameState& frame,
                                      std::optional<std::uint64_t> cfa, const ReadWord& read_word) {
    Evaluation evaluation(frame, cfa, read_word);
    for (const Operation& operation : expression) {
        if (!evaluation.run(operation)) return std::nullopt;
    }
    return evaluation.result();
}

std::optional<FrameState> apply_rules(const FrameRules& rules, const FrameState& frame, const ReadWord& read_word) {
    const auto cfa = evaluate(rules.cfa, frame, std::nullopt, read_word);
    if (!cfa) return std::nullopt;
    FrameState caller;
    for (unsigned number = 0; number < dwarf_register::count; ++number) {
        caller.registers[number] = apply_rule(rules.registers[number], frame.registers[number], frame, *cfa, read_word);
    }
    // The CFA is the caller's stack pointer by definition, unless a signal frame says otherwise [dwarf5 6.4].
    using Kind = RegisterRule::Kind;
    const Kind stack_rule = rules.registers[dwarf_register::rsp].kind;
    if (stack_rule == Kind::unknown || stack_rule == Kind::same) caller.registers[dwarf_register::rsp] = *cfa;
    if (!caller.registers[dwarf_register::rip]) return std::nullopt;
    return caller;
}

}  // namespace husk::report
