// SPDX-License-Identifier: Apache-2.0
// The part of a session that reads and changes registers and memory.
#include <algorithm>

#include "launcher/debug/packet.hpp"
#include "launcher/debug/replies.hpp"
#include "launcher/debug/session.hpp"

namespace husk::debug {

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

}  // namespace husk::debug
