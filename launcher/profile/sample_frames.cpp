// SPDX-License-Identifier: Apache-2.0
#include "launcher/profile/sample_frames.hpp"

#include <algorithm>

namespace husk::profile {

namespace {

constexpr std::size_t frames_shown_max = 512;

}  // namespace

std::vector<std::string> frames_of(const Sample& sample, const RuntimeText& runtime,
                                   const report::FindRules& find_rules, const NameOf& name_of) {
    const report::ReadWord read_word = [&](std::uint64_t address) { return sample.try_word(address); };
    std::vector<std::string> names;  // innermost first
    const auto add_frames = [&](const abi::CrashRegisters& from, bool in_runtime) {
        for (const report::Frame& frame : report::unwind(report::first_frame(from), find_rules, read_word).frames) {
            if (names.size() >= frames_shown_max) return;
            // The runtime's entry code has no rules: what seems to have called it is chance.
            if (in_runtime && !runtime.holds(frame.lookup_pc) && !names.empty()) return;
            names.push_back((in_runtime ? "[husk] " : "") + name_of(frame.lookup_pc));
        }
    };
    add_frames(sample.registers, sample.is_in_runtime);
    if (sample.entered) add_frames(*sample.entered, false);
    names.push_back(sample.tid == 0 ? "[husk]" : sample.thread_name);
    std::ranges::reverse(names);
    return names;
}

}  // namespace husk::profile
