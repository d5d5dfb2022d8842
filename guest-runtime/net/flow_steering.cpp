// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/net/flow_steering.hpp"

#include <cstring>

namespace husk::net {

namespace {

constexpr std::size_t ethernet_bytes = 14, ipv4_bytes = 20, ipv6_bytes = 40, ports_bytes = 4;
constexpr unsigned tcp = 6, udp = 17;

unsigned byte_at(std::span<const std::byte> bytes, std::size_t at) { return std::to_integer<unsigned>(bytes[at]); }
unsigned word_at(std::span<const std::byte> bytes, std::size_t at) {
    return byte_at(bytes, at) << 8 | byte_at(bytes, at + 1);
}

class Mixer {
public:
    void add(std::span<const std::byte> bytes) {
        for (std::size_t at = 0; at + sizeof(std::uint32_t) <= bytes.size(); at += sizeof(std::uint32_t)) {
            std::uint32_t word;
            std::memcpy(&word, bytes.data() + at, sizeof word);
            sum_ = (sum_ ^ word) * 0x9e37'79b9'7f4a'7c15;
            sum_ ^= sum_ >> 32;
        }
    }
    [[nodiscard]] std::uint32_t sum() const { return static_cast<std::uint32_t>(sum_); }

private:
    std::uint64_t sum_ = 0;
};

}  // namespace

std::uint32_t flow_hash(std::span<const std::byte> frame) {
    if (frame.size() < ethernet_bytes + ipv4_bytes) return 0;
    unsigned type = word_at(frame, 12);
    std::span<const std::byte> ip = frame.subspan(ethernet_bytes);
    Mixer mixer;
    std::size_t header_bytes;
    unsigned protocol;
    if (type == 0x0800) {
        header_bytes = (byte_at(ip, 0) & 0xf) * 4;
        constexpr unsigned more_fragments_or_offset = 0x3fff;
        bool is_fragment = (word_at(ip, 6) & more_fragments_or_offset) != 0;
        protocol = is_fragment ? 0 : byte_at(ip, 9);  // only the first has ports
        mixer.add(ip.subspan(12, 8));
    } else if (type == 0x86dd && ip.size() >= ipv6_bytes) {
        header_bytes = ipv6_bytes;
        protocol = byte_at(ip, 6);
        mixer.add(ip.subspan(8, 32));
    } else {
        return 0;
    }
    bool has_ports = (protocol == tcp || protocol == udp) && ip.size() >= header_bytes + ports_bytes;
    if (has_ports) mixer.add(ip.subspan(header_bytes, ports_bytes));
    return mixer.sum();
}

std::uint16_t FlowSteering::choose(std::uint32_t hash, std::uint16_t wanted, bool may_move) {
    Bucket& bucket = buckets_[hash % buckets];
    bool moves = bucket.queue_and_one == 0 || (may_move && bucket.unread == 0);
    if (moves) bucket.queue_and_one = static_cast<std::uint16_t>(wanted + 1);
    return static_cast<std::uint16_t>(bucket.queue_and_one - 1);
}

}  // namespace husk::net
