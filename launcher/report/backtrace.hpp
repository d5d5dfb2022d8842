// SPDX-License-Identifier: Apache-2.0
// The chain of calls that led a thread to where it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "launcher/report/frame_rules.hpp"

namespace husk::report {

inline constexpr std::size_t frames_max = 100'000;  // a stack of 8 MiB full of small frames comes to its end

struct Frame {
    std::uint64_t pc = 0;
    std::uint64_t lookup_pc = 0;  // inside the call instruction, where names and lines are looked up
};

struct Backtrace {
    std::vector<Frame> frames;  // innermost first
    bool cut = false;           // there are more than frames_max
};

using FindRules = std::function<std::optional<FrameRules>(std::uint64_t pc)>;

// By the unwind table; where it has no rule, by the return address on top of the stack (a call into nowhere), then by
// frame pointers. Ends at what cannot be a frame; never loops, whatever the memory says.
[[nodiscard]] Backtrace unwind(const FrameState& innermost, const FindRules& find_rules, const ReadWord& read_word);

}  // namespace husk::report
