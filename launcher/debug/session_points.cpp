// SPDX-License-Identifier: Apache-2.0
// The part of a session that sets breakpoints and watchpoints.
#include <algorithm>
#include <utility>

#include "launcher/debug/packet.hpp"
#include "launcher/debug/replies.hpp"
#include "launcher/debug/session.hpp"

namespace husk::debug {

namespace {

constexpr std::uint64_t watched_bytes_max = 4096;
constexpr std::size_t watchpoints_max = 64;

}  // namespace

// TYPE,ADDRESS,KIND: 0 software and 1 hardware breakpoint, which are the same here, 2 a write. Reads cannot be seen.
Session::Answer Session::insert(std::string_view rest) {
    const std::string_view type = take_field(rest, ',');
    const auto address = parse_hex(take_field(rest, ','));
    const auto kind = parse_hex(take_field(rest, ';'));
    if (!address || !kind) return say("E01");
    if (type == "2") return say_ok(try_watch({*address}, *kind));
    if (type != "0" && type != "1") return say_unknown();
    // GDB finds functions of the runtime, too, when it looks for a name such as `read`: those are never hit, but must
    // not keep it from the application's.
    if (*address >= note_.runtime_text_begin && *address < note_.runtime_text_end) return say("OK");
    return say_ok(breakpoints_.try_insert(guest_->pages(), {*address}));
}

Session::Answer Session::remove(std::string_view rest) {
    const std::string_view type = take_field(rest, ',');
    const auto address = parse_hex(take_field(rest, ','));
    if (!address) return say("E01");
    if (type == "2") {
        std::erase_if(watchpoints_, [&](const Watchpoint& w) { return w.at.value == *address; });
        return say("OK");
    }
    if (type != "0" && type != "1") return say_unknown();
    // GDB removes what it inserted; two of its breakpoints at one address are one here.
    static_cast<void>(breakpoints_.try_remove(guest_->pages(), {*address}));
    return say("OK");
}

bool Session::try_watch(abi::GuestVirt at, std::uint64_t size_bytes) {
    if (size_bytes == 0 || size_bytes > watched_bytes_max || watchpoints_.size() == watchpoints_max) return false;
    Watchpoint watchpoint{at, std::vector<std::byte>(size_bytes)};
    if (!guest_->pages().copy_in(at, watchpoint.before)) return false;
    watchpoints_.push_back(std::move(watchpoint));
    return true;
}

std::optional<abi::GuestVirt> Session::try_find_change(const StoppedGuest& guest) {
    for (Watchpoint& watchpoint : watchpoints_) {
        std::vector<std::byte> now(watchpoint.before.size());
        if (!guest.pages().copy_in(watchpoint.at, now) || now == watchpoint.before) continue;
        watchpoint.before = now;
        return watchpoint.at;
    }
    return std::nullopt;
}

void Session::clear(const StoppedGuest& guest) {
    breakpoints_.remove_all(guest.pages());
    watchpoints_.clear();
}

}  // namespace husk::debug
