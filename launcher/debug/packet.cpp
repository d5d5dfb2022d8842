// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/packet.hpp"

#include <array>
#include <charconv>

namespace husk::debug {

namespace {

constexpr char escape = '}';
constexpr char escape_bit = 0x20;
constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t checksum_digits = 2;

std::uint8_t checksum(std::string_view text) {
    unsigned sum = 0;
    for (const char c : text) sum += static_cast<unsigned char>(c);
    return static_cast<std::uint8_t>(sum);
}

bool needs_escape(char c) { return c == '#' || c == '$' || c == escape || c == '*'; }

std::string without_escapes(std::string_view body) {
    std::string payload;
    for (std::size_t i = 0; i < body.size(); ++i) {
        const bool escaped = body[i] == escape && i + 1 < body.size();
        payload += escaped ? static_cast<char>(body[++i] ^ escape_bit) : body[i];
    }
    return payload;
}

}  // namespace

std::string make_packet(std::string_view payload) {
    std::string body;
    for (const char c : payload) {
        if (needs_escape(c)) body += escape;
        body += needs_escape(c) ? static_cast<char>(c ^ escape_bit) : c;
    }
    const auto sum = static_cast<std::byte>(checksum(body));
    return '$' + body + '#' + to_hex(std::span(&sum, 1));
}

std::optional<Received> PacketReader::try_next() {
    using Kind = Received::Kind;
    while (!pending_.empty()) {
        const char first = pending_.front();
        if (first == '$') break;
        pending_.erase(0, 1);
        if (first == interrupt_byte) return Received{Kind::interrupt, {}};
        if (first == '+') return Received{Kind::acknowledgement, {}};
    }
    const std::size_t end = pending_.find('#');
    if (end == std::string::npos || end + checksum_digits >= pending_.size()) {
        if (pending_.size() <= packet_bytes_max) return std::nullopt;
        pending_.clear();
        return Received{Kind::damaged, {}};
    }
    const std::string_view body = std::string_view(pending_).substr(1, end - 1);
    const auto sum = parse_hex(std::string_view(pending_).substr(end + 1, checksum_digits));
    const bool whole = sum && *sum == checksum(body);
    Received received{whole ? Kind::packet : Kind::damaged, whole ? without_escapes(body) : std::string()};
    pending_.erase(0, end + 1 + checksum_digits);
    return received;
}

std::string to_hex(std::span<const std::byte> bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte >> 4)];
        text += digits[std::to_integer<unsigned>(byte & std::byte{0x0f})];
    }
    return text;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto value = parse_hex(text.substr(i, 2));
        if (!value) return std::nullopt;
        bytes.push_back(static_cast<std::byte>(*value));
    }
    return bytes;
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string hex_number(std::uint64_t value) {
    std::array<char, 16> text{};
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value, 16);
    return {text.data(), end};
}

std::string_view take_field(std::string_view& text, char separator) {
    const std::size_t at = text.find(separator);
    const std::string_view field = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return field;
}

}  // namespace husk::debug
