// SPDX-License-Identifier: Apache-2.0
#include "launcher/profile/profile_text.hpp"

#include <array>
#include <cstdio>

#include "launcher/report/crash.hpp"

namespace husk::profile {

namespace {

// A name must not end a frame or a line.
std::string frame_text(const std::string& name) {
    std::string text = report::make_printable(name);
    for (char& character : text) {
        if (character == ';') character = ':';
        if (character == '\n' || character == '\t') character = ' ';
    }
    return text;
}

std::string percent_text(std::uint64_t part, std::uint64_t whole) {
    std::array<char, 16> buffer{};
    const double percent = whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    std::snprintf(buffer.data(), buffer.size(), "%6.1f %%", percent);
    return buffer.data();
}

}  // namespace

std::string folded_text(const Profile& profile) {
    std::string text;
    for (const auto& [frames, count] : profile.stacks()) {
        std::string line;
        for (const std::string& frame : frames) line += (line.empty() ? "" : ";") + frame_text(frame);
        text += line + " " + std::to_string(count) + "\n";
    }
    return text;
}

std::string report_text(const Profile& profile, std::uint64_t period_ns) {
    constexpr std::uint64_t ms_ns = 1'000'000, second_ns = 1'000'000'000;
    std::string text = std::to_string(profile.samples()) + " samples, " + std::to_string(second_ns / period_ns) +
                       " a second while a virtual CPU works: about " +
                       std::to_string(profile.samples() * period_ns / ms_ns) + " ms\n\nthreads\n";
    for (const Profile::Share& share : profile.threads())
        text += percent_text(share.itself, profile.samples()) + "  " + frame_text(share.name) + "\n";
    text += "\nfunctions: by themselves, and with what they called\n";
    for (const Profile::Share& share : profile.functions())
        text += percent_text(share.itself, profile.samples()) + percent_text(share.with_callees, profile.samples()) +
                "  " + frame_text(share.name) + "\n";
    return text;
}

}  // namespace husk::profile
