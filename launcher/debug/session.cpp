// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/session.hpp"

#include <algorithm>
#include <utility>

#include "launcher/config/text.hpp"
#include "launcher/debug/packet.hpp"
#include "launcher/debug/replies.hpp"

namespace husk::debug {

namespace {

using config::fill_in;

std::string hex_byte(int value) {
    const auto byte = static_cast<std::byte>(value);
    return to_hex(std::span(&byte, 1));
}

// m for more to come, l for the last piece [gdb appendix E.5, qXfer].
std::string piece_of(std::string_view whole, std::uint64_t offset, std::uint64_t size_bytes) {
    if (offset >= whole.size()) return "l";
    const std::string_view piece = whole.substr(offset, std::min(size_bytes, transfer_bytes_max));
    return (offset + piece.size() < whole.size() ? "m" : "l") + std::string(piece);
}

std::string as_xml_text(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool plain = c >= ' ' && c < 0x7f && c != '<' && c != '>' && c != '&' && c != '"';
        result += plain ? c : '_';
    }
    return result;
}

}  // namespace

// Longer prefixes before the shorter ones that they begin with.
const std::vector<Session::Command>& Session::commands() {
    static const std::vector<Command> all{
        {"qSupported", &Session::features},
        {"QStartNoAckMode", &Session::start_without_acknowledgement},
        {"qXfer:", &Session::transfer},
        {"qC", &Session::current_thread},
        {"qfThreadInfo", &Session::first_threads},
        {"qsThreadInfo", &Session::no_more_threads},
        {"qAttached", &Session::attached},
        {"?", &Session::why},
        {"H", &Session::select_thread},
        {"T", &Session::is_alive},
        {"g", &Session::read_registers},
        {"G", &Session::write_registers},
        {"p", &Session::read_one_register},
        {"P", &Session::write_one_register},
        {"m", &Session::read_memory},
        {"M", &Session::write_memory},
        {"Z", &Session::insert},
        {"z", &Session::remove},
        {"vCont?", &Session::resume_actions},
        {"vCont;", &Session::resume},
        {"vKill", &Session::kill},
        {"c", &Session::resume},
        {"C", &Session::resume_with_signal},
        {"s", &Session::step},
        {"D", &Session::detach},
        {"k", &Session::kill},
    };
    return all;
}

void Session::begin_stop(StoppedGuest& guest, std::uint32_t tid, StopCause cause) {
    guest_ = &guest;
    cause_ = std::move(cause);
    stopped_tid_ = guest.has_thread(tid) || guest.threads().empty() ? tid : guest.threads().front().tid;
    selected_tid_ = stopped_tid_;
}

std::string Session::stop_reply() const {
    return fill_in("T{}thread:{};{}", hex_byte(cause_.signal), hex_number(stopped_tid_), cause_.detail);
}

Session::Answer Session::answer(std::string_view packet) {
    const auto fits = [&](const Command& command) { return packet.starts_with(command.prefix); };
    const auto command = std::ranges::find_if(commands(), fits);
    if (command == commands().end()) return say_unknown();
    return (this->*command->run)(packet.substr(command->prefix.size()));
}

Session::Answer Session::features(std::string_view) {
    return say(
        fill_in("PacketSize={};QStartNoAckMode+;qXfer:features:read+;qXfer:threads:read+;swbreak+;vContSupported+",
                hex_number(packet_bytes_max)));
}

Session::Answer Session::start_without_acknowledgement(std::string_view) { return {"OK", {}, true}; }

// OBJECT:read:ANNEX:OFFSET,LENGTH
Session::Answer Session::transfer(std::string_view rest) {
    const std::string_view object = take_field(rest, ':');
    const std::string_view verb = take_field(rest, ':');
    const std::string_view annex = take_field(rest, ':');
    const auto offset = parse_hex(take_field(rest, ','));
    const auto size_bytes = parse_hex(rest);
    if (verb != "read") return say_unknown();
    if (!offset || !size_bytes) return say("E01");
    if (object == "features" && annex == "target.xml")
        return say(piece_of(target_description(with_avx_), *offset, *size_bytes));
    if (object == "threads") return say(piece_of(thread_list(), *offset, *size_bytes));
    return say_unknown();
}

std::string Session::thread_list() const {
    std::string xml = R"(<?xml version="1.0"?><threads>)";
    for (const abi::CrashThread& thread : guest_->threads()) {
        const std::string_view name(thread.name, std::find(thread.name, std::end(thread.name), '\0'));
        xml += fill_in(R"(<thread id="{}" name="{}"/>)", hex_number(thread.tid), as_xml_text(name));
    }
    return xml + "</threads>";
}

Session::Answer Session::current_thread(std::string_view) { return say("QC" + hex_number(stopped_tid_)); }

Session::Answer Session::first_threads(std::string_view) {
    std::string list;
    for (const abi::CrashThread& thread : guest_->threads())
        list += (list.empty() ? "m" : ",") + hex_number(thread.tid);
    return say(list.empty() ? "l" : list);
}

Session::Answer Session::no_more_threads(std::string_view) { return say("l"); }

// GDB's `quit` then detaches: whoever started the VM decides when it ends.
Session::Answer Session::attached(std::string_view) { return say("1"); }

Session::Answer Session::why(std::string_view) { return say(stop_reply()); }

Session::Answer Session::select_thread(std::string_view rest) {
    if (rest.empty()) return say("E01");
    const auto tid = parse_thread(rest.substr(1));
    if (tid && !guest_->has_thread(*tid)) return say("E01");
    if (rest.front() == 'g') selected_tid_ = tid.value_or(stopped_tid_);
    return say("OK");
}

Session::Answer Session::is_alive(std::string_view rest) {
    const auto tid = parse_thread(rest);
    return say_ok(tid && guest_->has_thread(*tid));
}

}  // namespace husk::debug
