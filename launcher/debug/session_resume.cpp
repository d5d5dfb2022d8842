// SPDX-License-Identifier: Apache-2.0
// The part of a session that lets the guest go on.
#include "launcher/debug/packet.hpp"
#include "launcher/debug/replies.hpp"
#include "launcher/debug/session.hpp"

namespace husk::debug {

Session::Answer Session::resume_actions(std::string_view) { return say("vCont;c;C;s;S"); }

// ACTION[:THREAD];...: for each thread the first that names it, or names none. The one signal that
// can be passed on is what stopped the guest.
Session::Answer Session::resume(std::string_view rest) {
    Resumption resumption;
    std::set<std::uint32_t> decided;
    while (!rest.empty()) {
        std::string_view thread = take_field(rest, ';');
        const std::string_view action = take_field(thread, ':');
        const bool steps = action.starts_with('s') || action.starts_with('S');
        const bool has_signal = action.starts_with('C') || action.starts_with('S');
        if (has_signal) resumption.takes_signal = parse_hex(action.substr(1)) == static_cast<unsigned>(cause_.signal);
        const auto tid = parse_thread(thread);
        for (const abi::CrashThread& each : guest_->threads()) {
            if (tid && each.tid != *tid) continue;
            if (decided.insert(each.tid).second && steps) resumption.steps.insert(each.tid);
        }
    }
    return {std::nullopt, resumption, false};
}

Session::Answer Session::resume_with_signal(std::string_view) {
    return {std::nullopt, Resumption{Resumption::Kind::go_on, {}, true}, false};
}

Session::Answer Session::step(std::string_view) {
    return {std::nullopt, Resumption{Resumption::Kind::go_on, {stopped_tid_}, false}, false};
}

Session::Answer Session::detach(std::string_view) {
    return {"OK", Resumption{Resumption::Kind::detach, {}, true}, false};
}

Session::Answer Session::kill(std::string_view) { return {"OK", Resumption{Resumption::Kind::kill, {}, false}, false}; }

}  // namespace husk::debug
