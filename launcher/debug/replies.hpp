// SPDX-License-Identifier: Apache-2.0
// The forms that a session's answers share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "launcher/debug/packet.hpp"
#include "launcher/debug/session.hpp"

namespace husk::debug {

inline constexpr std::uint64_t transfer_bytes_max = packet_bytes_max / 4;  // two digits each, and escapes

inline Session::Answer say(std::string text) { return {std::move(text), {}, false}; }
inline Session::Answer say_ok(bool ok) { return say(ok ? "OK" : "E01"); }

// A packet that GDB takes as "not supported" [gdb appendix E.1].
inline Session::Answer say_unknown() { return say(""); }

// "p1.2" of the multiprocess form is not used: we do not offer it. -1 and 0: every or any thread.
inline std::optional<std::uint32_t> parse_thread(std::string_view text) {
    if (text.empty() || text == "-1" || text == "0") return std::nullopt;
    const auto tid = parse_hex(text);
    return tid && *tid <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(*tid)) : std::nullopt;
}

}  // namespace husk::debug
