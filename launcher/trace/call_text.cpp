// SPDX-License-Identifier: Apache-2.0
#include "launcher/trace/call_text.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "launcher/config/text.hpp"
#include "launcher/trace/call_table.hpp"
#include "launcher/trace/constant_names.hpp"
#include "launcher/trace/memory_text.hpp"
#include "launcher/trace/struct_text.hpp"

namespace husk::trace {

namespace {

using abi::Argument;
using config::fill_in;

constexpr std::size_t most_arguments = 6;
constexpr std::int64_t lowest_error = -4095;
// ERESTARTSYS, ERESTARTNOINTR, ERESTART_RESTARTBLOCK
constexpr int restart_error = 512, always_restart_error = 513, unhandled_restart_error = 516;

// Filled by the call.
bool is_late(Argument kind) {
    switch (kind) {
        case Argument::out_bytes:
        case Argument::out_text:
        case Argument::out_vector:
        case Argument::out_message:
        case Argument::out_socket_address:
        case Argument::length:
        case Argument::out_time:
        case Argument::out_timeval:
        case Argument::out_timer:
        case Argument::out_interval:
        case Argument::out_stat:
        case Argument::out_statx:
        case Argument::out_file_system:
        case Argument::out_system:
        case Argument::out_names:
        case Argument::out_limit:
        case Argument::out_usage:
        case Argument::out_events:
        case Argument::out_signals:
        case Argument::out_action:
        case Argument::out_signal_stack:
        case Argument::out_pair:
        case Argument::out_number:
        case Argument::out_option:
            return true;
        default:
            return false;
    }
}

// How many of its arguments the call looks at.
std::size_t shown_arguments(const CallShape& shape, const abi::TraceRecord& entry) {
    const auto& values = entry.values;
    const auto end = std::ranges::find(shape.arguments, Argument::none);
    auto count = static_cast<std::size_t>(end - shape.arguments.begin());
    const auto creates = [](std::uint64_t flags) {
        return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == static_cast<std::uint64_t>(O_TMPFILE);
    };
    if ((shape.name == "open" && !creates(values[1])) || (shape.name == "openat" && !creates(values[2]))) --count;
    if (shape.name == "mremap" && (values[3] & MREMAP_FIXED) == 0) --count;
    if (shape.name == "fcntl") {
        const auto operation = static_cast<int>(values[1]);
        if (operation == F_GETFD || operation == F_GETFL || operation == F_GETOWN) --count;
    }
    if (shape.name == "futex") {
        const std::uint64_t operation = values[1] & futex_operation_mask;
        if (operation == FUTEX_WAIT) count = 4;
        if (operation == FUTEX_WAKE) count = 3;
    }
    return count;
}

std::string vector_text(const Record& record, unsigned argument, const Piece& array) {
    std::string text;
    unsigned index = 0;
    for (std::size_t at = 0; at + 16 <= array.bytes.size(); at += 16, ++index) {
        if (index != 0) text += ", ";
        const auto base = word_at<std::uint64_t>(array.bytes, at);
        const Piece* data = record.find(argument, 1 + index);
        text += fill_in("{iov_base={}, iov_len={}}",
                        data != nullptr ? quoted_text(data->bytes, data->is_cut) : hex_text(base),
                        word_at<std::uint64_t>(array.bytes, at + 8));
    }
    return "[" + text + (array.is_cut ? ", ...]" : "]");
}

std::string message_text(const Record& record, unsigned argument, const Piece& message) {
    std::string text = "{msg_name=";
    const Piece* name = record.find(argument, abi::name_part);
    text += name != nullptr ? socket_address_text(name->bytes) : "NULL";
    text += fill_in(", msg_namelen={}, msg_iov=", word_at<std::uint32_t>(message.bytes, 8));
    const Piece* vector = record.find(argument, abi::vector_part);
    text += vector != nullptr ? vector_text(record, argument, *vector) : "NULL";
    return text + fill_in(", msg_iovlen={}, msg_controllen={}, msg_flags={}}",
                          word_at<std::uint64_t>(message.bytes, 24), word_at<std::uint64_t>(message.bytes, 40),
                          constant_text(Argument::message_flags, word_at<std::uint32_t>(message.bytes, 48)));
}

std::string piece_text(Argument kind, const Record& record, unsigned argument, const Piece& piece) {
    switch (kind) {
        case Argument::path:
        case Argument::text:
        case Argument::out_text:
        case Argument::in_bytes:
        case Argument::out_bytes:
            return quoted_text(piece.bytes, piece.is_cut);
        case Argument::in_vector:
        case Argument::out_vector:
            return vector_text(record, argument, piece);
        case Argument::in_message:
        case Argument::out_message:
            return message_text(record, argument, piece);
        case Argument::in_socket_address:
        case Argument::out_socket_address:
            return socket_address_text(piece.bytes);
        case Argument::polls:
            return polls_text(piece.bytes, false, piece.is_cut);
        case Argument::out_events:
            return epoll_events_list_text(piece.bytes, piece.is_cut);
        default:
            return struct_text(kind, piece.bytes);
    }
}

std::string fcntl_argument_text(std::uint64_t operation, std::uint64_t value) {
    switch (static_cast<int>(operation)) {
        case F_SETFD:
            return value == FD_CLOEXEC ? "FD_CLOEXEC" : hex_text(value);
        case F_SETFL:
            return constant_text(Argument::open_flags, value);
        case F_DUPFD:
        case F_DUPFD_CLOEXEC:
        case F_SETOWN:
        case F_SETPIPE_SZ:
            return constant_text(Argument::number, value);
        default:
            return constant_text(Argument::address, value);
    }
}

std::string argument_text(const CallShape& shape, const Record& entry, const Record* exit, unsigned index) {
    const Argument kind = shape.arguments[index];
    const std::uint64_t value = entry.header.values[index];
    if (kind == Argument::socket_option) return socket_option_text(entry.header.values[index - 1], value);
    if (kind == Argument::fcntl_argument) return fcntl_argument_text(entry.header.values[index - 1], value);
    if (kind <= Argument::last_plain) return constant_text(kind, value);
    const Record* const record = is_late(kind) ? exit : &entry;
    const Piece* const piece = record != nullptr ? record->find(index) : nullptr;
    if (piece == nullptr) return constant_text(Argument::address, value);
    return piece_text(kind, *record, index, *piece);
}

std::string error_text(int error) {
    if (error == restart_error) return "? ERESTARTSYS (To be restarted if SA_RESTART is set)";
    if (error == always_restart_error) return "? ERESTARTNOINTR (To be restarted)";
    if (error == unhandled_restart_error) return "? ERESTART_RESTARTBLOCK (Interrupted by signal)";
    const char* name = ::strerrorname_np(error);
    if (name == nullptr) return fill_in("-1 (errno {})", error);
    return fill_in("-1 {} ({})", name, ::strerrordesc_np(error));
}

// What select(2) and poll(2) found, behind the result.
std::string answer_text(const CallShape& shape, const Record& exit) {
    static constexpr std::string_view names[] = {"", "in ", "out ", "except "};
    std::string text;
    for (unsigned i = 0; i < most_arguments; ++i) {
        const Piece* piece = exit.find(i);
        if (piece == nullptr) continue;
        if (shape.arguments[i] == Argument::polls) text += polls_text(piece->bytes, true, piece->is_cut);
        if (shape.arguments[i] != Argument::descriptor_set || i >= std::size(names)) continue;
        if (!text.empty()) text += ", ";
        text += std::string(names[i]) + struct_text(Argument::descriptor_set, piece->bytes);
    }
    return text.empty() ? text : " (" + text + ")";
}

std::string result_text(const CallShape& shape, const Record& entry, const Record& exit) {
    const auto result = static_cast<std::int64_t>(exit.header.values[0]);
    if (result < 0 && result >= lowest_error) return error_text(static_cast<int>(-result));
    const auto value = static_cast<std::uint64_t>(result);
    if (shape.name == "fcntl" && entry.header.values[1] == F_GETFL)
        return fill_in("{} (flags {})", hex_text(value), constant_text(Argument::open_flags, value));
    switch (shape.result) {
        case abi::CallResult::address:
            return hex_text(value);
        case abi::CallResult::mode:
            return constant_text(Argument::mode, value);
        case abi::CallResult::ready:
            return result == 0 ? "0 (Timeout)" : std::to_string(result) + answer_text(shape, exit);
        case abi::CallResult::number:
            break;
    }
    return std::to_string(result);
}

unsigned first_late(const CallShape& shape, std::size_t count) {
    for (unsigned i = 0; i < count; ++i) {
        if (is_late(shape.arguments[i])) return i;
    }
    return static_cast<unsigned>(count);
}

std::string signal_code_text(int signal, int code) {
    struct Named {
        int signal;  // 0: any
        int code;
        std::string_view name;
    };
    static constexpr Named all[] = {{0, SI_USER, "SI_USER"},
                                    {0, SI_KERNEL, "SI_KERNEL"},
                                    {0, SI_QUEUE, "SI_QUEUE"},
                                    {0, SI_TIMER, "SI_TIMER"},
                                    {0, SI_TKILL, "SI_TKILL"},
                                    {SIGSEGV, SEGV_MAPERR, "SEGV_MAPERR"},
                                    {SIGSEGV, SEGV_ACCERR, "SEGV_ACCERR"},
                                    {SIGFPE, FPE_INTDIV, "FPE_INTDIV"},
                                    {SIGILL, ILL_ILLOPN, "ILL_ILLOPN"},
                                    {SIGBUS, BUS_ADRERR, "BUS_ADRERR"}};
    for (const Named& named : all) {
        if (named.code == code && (named.signal == 0 || named.signal == signal)) return std::string(named.name);
    }
    return std::to_string(code);
}

}  // namespace

std::string call_name(std::uint16_t number) {
    const CallShape shape = shape_of(number);
    return shape.name.empty() ? fill_in("syscall_{}", number) : std::string(shape.name);
}

std::string beginning_text(const Record& entry) {
    const CallShape shape = shape_of(entry.header.number);
    const std::size_t count = shown_arguments(shape, entry.header);
    const unsigned late = first_late(shape, count);
    std::string text = call_name(entry.header.number) + "(";
    for (unsigned i = 0; i < late; ++i) {
        text += argument_text(shape, entry, nullptr, i);
        if (i + 1 < count) text += ", ";
    }
    return text;
}

std::string ending_text(const Record& entry, const Record* exit) {
    const CallShape shape = shape_of(entry.header.number);
    const std::size_t count = shown_arguments(shape, entry.header);
    std::string text;
    if (exit == nullptr) return ") = ?";
    for (unsigned i = first_late(shape, count); i < count; ++i) {
        text += argument_text(shape, entry, exit, i);
        if (i + 1 < count) text += ", ";
    }
    return text + ") = " + result_text(shape, entry, *exit);
}

std::string signal_line_text(const Record& record) {
    const int number = record.header.number;
    const auto code = static_cast<int>(record.header.values[0]);
    const std::string name = signal_text(record.header.number);
    const std::string from = code > 0 ? "si_addr=" + hex_text(record.header.values[1])
                                      : fill_in("si_pid={}", static_cast<int>(record.header.values[1]));
    return fill_in("--- {} {si_signo={}, si_code={}, {}} ---", name, name, signal_code_text(number, code), from);
}

}  // namespace husk::trace
