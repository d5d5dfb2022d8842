// SPDX-License-Identifier: Apache-2.0
// How to find the caller of a frame: rules from the image's unwind table, and what they are evaluated with.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "launcher/report/frame_state.hpp"

namespace husk::report {

// One operation of a DWARF expression [dwarf5 2.5].
struct Operation {
    std::uint8_t code = 0;
    std::uint64_t number = 0;
    std::uint64_t number2 = 0;
};
using Expression = std::vector<Operation>;

struct RegisterRule {
    enum class Kind { unknown, same, at_address, value };
    Kind kind = Kind::unknown;
    Expression expression;  // of at_address and value; may begin with DW_OP_call_frame_cfa
};

struct FrameRules {
    Expression cfa;
    std::array<RegisterRule, dwarf_register::count> registers;
    bool is_signal_frame = false;  // its caller was interrupted, not calling
};

// Eight bytes of the guest's memory, or nothing.
using ReadWord = std::function<std::optional<std::uint64_t>(std::uint64_t address)>;

// Nothing: an operation that unwind tables do not use, or memory that is not there.
[[nodiscard]] std::optional<std::uint64_t> evaluate(const Expression& expression, const FrameState& frame,
                                                    std::optional<std::uint64_t> cfa, const ReadWord& read_word);

// The caller's registers, or nothing at the outermost frame.
[[nodiscard]] std::optional<FrameState> apply_rules(const FrameRules& rules, const FrameState& frame,
                                                    const ReadWord& read_word);

}  // namespace husk::report
