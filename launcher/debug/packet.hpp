// SPDX-License-Identifier: Apache-2.0
// The frames of GDB's remote serial protocol: $payload#checksum, acknowledged by + or - [gdb appendix E.1].
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace husk::debug {

// The payload in its frame, with what may not stand in one escaped.
[[nodiscard]] std::string make_packet(std::string_view payload);

struct Received {
    enum class Kind { packet, damaged, interrupt, acknowledgement };
    Kind kind = Kind::packet;
    std::string payload;  // of a packet
};

inline constexpr char interrupt_byte = 0x03;

// Takes bytes as they come and gives frames when they are whole. A frame that grows beyond packet_bytes_max is dropped
// as damaged.
class PacketReader final {
public:
    void add(std::string_view bytes) { pending_ += bytes; }
    [[nodiscard]] std::optional<Received> try_next();
    [[nodiscard]] bool is_interrupted() const { return pending_.starts_with(interrupt_byte); }

private:
    std::string pending_;
};

inline constexpr std::size_t packet_bytes_max = 64 << 10;

[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);
// Nothing when it is not pairs of hex digits.
[[nodiscard]] std::optional<std::vector<std::byte>> from_hex(std::string_view text);
// A whole field of hex digits as a number; nothing when there are none, too many, or others.
[[nodiscard]] std::optional<std::uint64_t> parse_hex(std::string_view text);
// Without leading zeros.
[[nodiscard]] std::string hex_number(std::uint64_t value);

// Takes what stands before the first `separator` off the front of `text`, the separator too; all of it without one.
[[nodiscard]] std::string_view take_field(std::string_view& text, char separator);

}  // namespace husk::debug
