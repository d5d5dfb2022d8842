// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/trace_capture.hpp"

#include <algorithm>

#include <husk/abi/call_argument.hpp>

#include "guest-runtime/base/string.hpp"
#include "guest-runtime/thread/clock.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::sys {

namespace {

using abi::Argument;

enum class Amount : std::uint8_t {
    one,          // unit bytes
    text,         // up to NUL
    next,         // unit bytes, as often as the next argument says
    result,       // as often as the result says
    behind_next,  // as often as the int says that lies behind the next argument
    vector,
    message,
    descriptors,  // a bit for each of the first argument
};

constexpr std::uint8_t at_entry = 1, at_exit = 2;

struct Rule {
    Argument kind;
    std::uint8_t when;
    Amount amount;
    std::uint8_t unit_bytes;
};

// Structs are cut to what a trace shows of them.
constexpr Rule rules[] = {
    {Argument::path, at_entry, Amount::text, 0},
    {Argument::text, at_entry, Amount::text, 0},
    {Argument::in_bytes, at_entry, Amount::next, 1},
    {Argument::out_bytes, at_exit, Amount::result, 1},
    {Argument::out_text, at_exit, Amount::text, 0},
    {Argument::in_vector, at_entry, Amount::vector, 0},
    {Argument::out_vector, at_exit, Amount::vector, 0},
    {Argument::in_message, at_entry, Amount::message, 0},
    {Argument::out_message, at_exit, Amount::message, 0},
    {Argument::in_socket_address, at_entry, Amount::next, 1},
    {Argument::out_socket_address, at_exit, Amount::behind_next, 1},
    {Argument::length, at_exit, Amount::one, 4},
    {Argument::in_time, at_entry, Amount::one, 16},
    {Argument::out_time, at_exit, Amount::one, 16},
    {Argument::futex_time, at_entry, Amount::one, 16},
    {Argument::in_two_times, at_entry, Amount::one, 32},
    {Argument::in_timeval, at_entry, Amount::one, 16},
    {Argument::out_timeval, at_exit, Amount::one, 16},
    {Argument::in_two_timevals, at_entry, Amount::one, 32},
    {Argument::in_timer, at_entry, Amount::one, 32},
    {Argument::out_timer, at_exit, Amount::one, 32},
    {Argument::in_interval, at_entry, Amount::one, 32},
    {Argument::out_interval, at_exit, Amount::one, 32},
    {Argument::out_stat, at_exit, Amount::one, 56},
    {Argument::out_statx, at_exit, Amount::one, 48},
    {Argument::out_file_system, at_exit, Amount::one, 48},
    {Argument::out_system, at_exit, Amount::one, 48},
    {Argument::out_names, at_exit, Amount::one, 195},
    {Argument::in_limit, at_entry, Amount::one, 16},
    {Argument::out_limit, at_exit, Amount::one, 16},
    {Argument::out_usage, at_exit, Amount::one, 32},
    {Argument::polls, at_entry | at_exit, Amount::next, 8},
    {Argument::descriptor_set, at_entry | at_exit, Amount::descriptors, 0},
    {Argument::in_event, at_entry, Amount::one, 12},
    {Argument::out_events, at_exit, Amount::result, 12},
    {Argument::in_signals, at_entry, Amount::one, 8},
    {Argument::out_signals, at_exit, Amount::one, 8},
    {Argument::in_action, at_entry, Amount::one, 32},
    {Argument::out_action, at_exit, Amount::one, 32},
    {Argument::in_signal_stack, at_entry, Amount::one, 24},
    {Argument::out_signal_stack, at_exit, Amount::one, 24},
    {Argument::out_pair, at_exit, Amount::one, 8},
    {Argument::out_number, at_exit, Amount::one, 4},
    {Argument::in_option, at_entry, Amount::next, 1},
    {Argument::out_option, at_exit, Amount::behind_next, 1},
    {Argument::offset, at_entry, Amount::one, 8},
    {Argument::clone_arguments, at_entry, Amount::one, 64},
    {Argument::open_how, at_entry, Amount::one, 24},
};
constexpr std::uint8_t no_rule = 255;

constexpr std::uint8_t rule_of(Argument kind) {
    for (std::size_t i = 0; i < std::size(rules); ++i) {
        if (rules[i].kind == kind) return static_cast<std::uint8_t>(i);
    }
    return no_rule;
}

constexpr bool every_kind_with_memory_has_a_rule() {
    for (unsigned kind = static_cast<unsigned>(Argument::path); kind <= static_cast<unsigned>(Argument::open_how);
         ++kind) {
        if (rule_of(static_cast<Argument>(kind)) == no_rule) return false;
    }
    return true;
}
static_assert(every_kind_with_memory_has_a_rule());

enum Number : std::uint16_t {
#define HUSK_SYSCALL(number, name, handler) number_of_##name = (number),
#include <husk/abi/linux_calls.def>
};

struct Row {
    std::uint16_t number;
    std::uint8_t rules[6];
};

constexpr Row make_row(Number number, const Argument (&kinds)[6]) {
    Row row{number, {}};
    for (unsigned i = 0; i < 6; ++i) row.rules[i] = rule_of(kinds[i]);
    return row;
}

constexpr bool reads_memory(const Argument (&kinds)[6]) {
    return std::any_of(std::begin(kinds), std::end(kinds), [](Argument kind) { return rule_of(kind) != no_rule; });
}

// Makes constants of the calls that have memory behind an argument.
struct Call6 {
    Number number;
    Argument kinds[6];
};

namespace all {
using enum Argument;
constexpr Call6 calls[] = {
#define HUSK_CALL(name, result, ...) {number_of_##name, {__VA_ARGS__}},
#include <husk/abi/call_arguments.def>
};
}  // namespace all

constexpr std::size_t row_count = static_cast<std::size_t>(
    std::count_if(std::begin(all::calls), std::end(all::calls), [](const Call6& c) { return reads_memory(c.kinds); }));

constexpr auto rows = [] {
    std::array<Row, row_count> made{};
    std::size_t next = 0;
    for (const Call6& call : all::calls) {
        if (reads_memory(call.kinds)) made[next++] = make_row(call.number, call.kinds);
    }
    return made;
}();

constexpr std::size_t message_bytes = 56;  // struct msghdr

struct Vector {
    std::uint64_t base;
    std::uint64_t size_bytes;
};

}  // namespace

TraceWriter::TraceWriter(abi::TraceKind kind, std::uint64_t number) {
    bytes_.header = {};
    bytes_.header.kind = kind;
    bytes_.header.number = static_cast<std::uint16_t>(number);
    bytes_.header.tid = thread::current().tid;
    bytes_.header.time_ns = thread::monotonic_ns();
}

void TraceWriter::capture(const Call& call, bool is_exit, long result) {
    auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.number == bytes_.header.number; });
    if (row == rows.end()) return;
    for (unsigned i = 0; i < 6; ++i) {
        if (row->rules[i] != no_rule && call[i] != 0) capture_argument(call, i, row->rules[i], is_exit, result);
    }
}

void TraceWriter::capture_argument(const Call& call, unsigned index, std::uint8_t rule_index, bool is_exit,
                                   long result) {
    const Rule& rule = rules[rule_index];
    if ((rule.when & (is_exit ? at_exit : at_entry)) == 0) return;
    std::uint64_t from = call[index];
    std::uint64_t next = call[index + 1];
    auto produced = static_cast<std::uint64_t>(result);
    std::uint64_t count = 1;
    std::uint64_t most = abi::trace_array_bytes_max;
    switch (rule.amount) {
        case Amount::text:
            return copy_text(index, from);
        case Amount::vector:
            return copy_vector(index, 0, from, next, is_exit ? produced : UINT64_MAX);
        case Amount::message:
            return copy_message(index, from, is_exit ? produced : UINT64_MAX);
        case Amount::descriptors:
            count = 1;
            most = std::min<std::uint64_t>(most, (call[0] + 63) / 64 * 8);
            (void)copy(index, 0, from, most, most);
            return;
        case Amount::next:
            count = next;
            break;
        case Amount::result:
            count = produced;
            break;
        case Amount::behind_next: {
            auto length = UserPtr<std::uint32_t>(next).load();
            count = length.ok() ? length.value() : 0;
            break;
        }
        case Amount::one:
            break;
    }
    if (rule.kind == Argument::in_bytes || rule.kind == Argument::out_bytes) most = abi::trace_data_bytes_max;
    count = std::min<std::uint64_t>(count, UINT32_MAX);
    (void)copy(index, 0, from, count * rule.unit_bytes, most / rule.unit_bytes * rule.unit_bytes);
}

bool TraceWriter::copy(unsigned argument, unsigned part, std::uint64_t from, std::uint64_t wanted_bytes,
                       std::uint64_t most) {
    std::span<std::byte> room = begin_piece(argument, part);
    std::size_t size_bytes = std::min({wanted_bytes, most, std::uint64_t{room.size()}});
    if (room.empty() || !copy_in(room.data(), from, size_bytes).ok()) return false;
    end_piece(size_bytes, size_bytes < wanted_bytes);
    return true;
}

void TraceWriter::copy_text(unsigned argument, std::uint64_t from) {
    std::span<std::byte> room = begin_piece(argument, 0);
    room = room.first(std::min<std::size_t>(room.size(), abi::trace_text_bytes_max));
    // SAFETY: bytes of the record, as characters.
    std::span<char> text(reinterpret_cast<char*>(room.data()), room.size());
    auto length = copy_in_string(text, from);
    if (length.ok()) return end_piece(length.value(), false);
    if (length.error() == Errno::enametoolong) end_piece(room.size(), true);
}

void TraceWriter::copy_vector(unsigned argument, unsigned part, std::uint64_t from, std::uint64_t count,
                              std::uint64_t bytes) {
    Vector vectors[abi::trace_vectors_max];
    std::uint64_t shown = std::min<std::uint64_t>(count, abi::trace_vectors_max);
    if (!copy(argument, part, from, std::min<std::uint64_t>(count, 1024) * sizeof(Vector), sizeof vectors)) return;
    if (!copy_in(vectors, from, shown * sizeof(Vector)).ok()) return;
    for (unsigned i = 0; i < shown && bytes != 0; ++i) {
        std::uint64_t size_bytes = std::min(vectors[i].size_bytes, bytes);
        (void)copy(argument, 1 + i, vectors[i].base, size_bytes, abi::trace_data_bytes_max);
        bytes -= size_bytes;
    }
}

void TraceWriter::copy_message(unsigned argument, std::uint64_t from, std::uint64_t bytes) {
    struct {
        std::uint64_t name;
        std::uint64_t name_bytes;  // the upper half is padding
        std::uint64_t vectors;
        std::uint64_t vector_count;
    } message;
    if (!copy_in(&message, from, sizeof message).ok()) return;
    if (!copy(argument, 0, from, message_bytes, message_bytes)) return;
    if (message.name != 0) {
        auto name_bytes = static_cast<std::uint32_t>(message.name_bytes);
        (void)copy(argument, abi::name_part, message.name, name_bytes, abi::trace_array_bytes_max);
    }
    copy_vector(argument, abi::vector_part, message.vectors, message.vector_count, bytes);
}

std::span<std::byte> TraceWriter::begin_piece(unsigned argument, unsigned part) {
    std::span<std::byte> room(bytes_.pieces);
    room = room.subspan(used_);
    if (room.size() < sizeof(abi::TracePiece) + 64) return {};
    abi::TracePiece piece{static_cast<std::uint8_t>(argument), static_cast<std::uint8_t>(part), 0, 0};
    memcpy(room.data(), &piece, sizeof piece);
    return room.subspan(sizeof piece);
}

void TraceWriter::end_piece(std::size_t size_bytes, bool is_cut) {
    // SAFETY: begin_piece() has just written it there; pieces begin at multiples of 8.
    auto* piece = reinterpret_cast<abi::TracePiece*>(bytes_.pieces + used_);
    piece->size_bytes = static_cast<std::uint16_t>(size_bytes);
    piece->is_cut = is_cut ? 1 : 0;
    used_ += sizeof(abi::TracePiece) + (size_bytes + 7) / 8 * 8;
    ++bytes_.header.piece_count;
}

std::span<const std::byte> TraceWriter::finish() {
    bytes_.header.size_bytes = static_cast<std::uint32_t>(sizeof(abi::TraceRecord) + used_);
    return std::as_bytes(std::span(&bytes_, 1)).first(bytes_.header.size_bytes);
}

}  // namespace husk::sys
