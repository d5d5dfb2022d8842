// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/session.hpp"

#include <algorithm>
#include <utility>

#include "launcher/config/text.hpp"
#include "launcher/debug/packet.hpp"

namespace husk::debug {

namespace {

using config::fill_in;

constexpr std::uint64_t transfer_bytes_max = packet_bytes_max / 4;  // two digits each, and escapes
constexpr std::uint64_t watched_bytes_max = 4096;
constexpr std::size_t watchpoints_max = 64;

Session::Answer say(std::string text) { return {std::move(text), {}, false}; }
Session::Answer say_ok(bool ok) { return say(ok ? "OK" : "E01"); }

// A packet that GDB takes as "not supported" [gdb appendix E.1].
Session::Answer say_unknown() { return say(""); }

std::string hex_byte(int value) {
    const auto byte = static_cast<std::byte>(value);
    return to_hex(std::span(&byte, 1));
}

// "p1.2" of the multiprocess form is not used: we do not offer it. -1 and 0: every or any thread.
std::optional<std::uint32_t> parse_thread(std::string_view text) {
    if (text.empty() || text == "-1" || text == "0") return std::nullopt;
    const auto tid = parse_hex(text);
    return tid && *tid <= UINT32_MAX ? std::optional(static_cast<std::uint32_t>(*tid)) : std::nullopt;
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

Session::Answer Session::read_registers(std::string_view) {
    const auto state = guest_->read_state(selected_tid_);
    if (!state) return say("E01");
    std::string text;
    for (std::size_t number = 0; number < register_count(with_avx_); ++number) {
        const auto bytes = read_register(*state, number);
        text += bytes ? to_hex(*bytes) : std::string(register_bytes(number) * 2, 'x');
    }
    return say(text);
}

Session::Answer Session::write_registers(std::string_view rest) {
    auto state = guest_->read_state(selected_tid_);
    if (!state) return say("E01");
    for (std::size_t number = 0; number < register_count(with_avx_) && !rest.empty(); ++number) {
        const std::string_view field = rest.substr(0, register_bytes(number) * 2);
        rest.remove_prefix(field.size());
        if (field.starts_with('x')) continue;  // not known
        const auto bytes = from_hex(field);
        if (!bytes || !write_register(*state, number, *bytes)) return say("E01");
    }
    return say_ok(guest_->write_state(selected_tid_, *state));
}

Session::Answer Session::read_one_register(std::string_view rest) {
    const auto number = parse_hex(rest);
    const auto state = guest_->read_state(selected_tid_);
    if (!number || *number >= register_count(with_avx_) || !state) return say("E01");
    const auto bytes = read_register(*state, *number);
    return say(bytes ? to_hex(*bytes) : std::string(register_bytes(*number) * 2, 'x'));
}

Session::Answer Session::write_one_register(std::string_view rest) {
    const auto number = parse_hex(take_field(rest, '='));
    const auto bytes = from_hex(rest);
    auto state = guest_->read_state(selected_tid_);
    if (!number || !bytes || !state || !write_register(*state, *number, *bytes)) return say("E01");
    return say_ok(guest_->write_state(selected_tid_, *state));
}

Session::Answer Session::read_memory(std::string_view rest) {
    const auto address = parse_hex(take_field(rest, ','));
    const auto size_bytes = parse_hex(rest);
    if (!address || !size_bytes) return say("E01");
    std::vector<std::byte> bytes(std::min(*size_bytes, transfer_bytes_max));
    if (!breakpoints_.read(guest_->pages(), {*address}, bytes)) return say("E14");
    return say(to_hex(bytes));
}

Session::Answer Session::write_memory(std::string_view rest) {
    const auto address = parse_hex(take_field(rest, ','));
    const auto size_bytes = parse_hex(take_field(rest, ':'));
    const auto bytes = from_hex(rest);
    if (!address || !size_bytes || !bytes || bytes->size() != *size_bytes) return say("E01");
    return say_ok(breakpoints_.write(guest_->pages(), {*address}, *bytes));
}

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
