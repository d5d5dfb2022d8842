// SPDX-License-Identifier: Apache-2.0
// virtio-net: features, configuration, the header of each frame, and the control queue [virtio 5.1].
#pragma once

#include <cstddef>
#include <cstdint>

#include <husk/abi/virtio/mmio.hpp>

namespace husk::abi::virtio {

namespace net_feature {
inline constexpr std::uint64_t csum = 1ull << 0;
inline constexpr std::uint64_t guest_csum = 1ull << 1;
inline constexpr std::uint64_t mtu = 1ull << 3;
inline constexpr std::uint64_t mac = 1ull << 5;
inline constexpr std::uint64_t guest_tso4 = 1ull << 7;
inline constexpr std::uint64_t guest_tso6 = 1ull << 8;
inline constexpr std::uint64_t guest_ecn = 1ull << 9;
inline constexpr std::uint64_t guest_ufo = 1ull << 10;
inline constexpr std::uint64_t host_tso4 = 1ull << 11;
inline constexpr std::uint64_t host_tso6 = 1ull << 12;
inline constexpr std::uint64_t host_ecn = 1ull << 13;
inline constexpr std::uint64_t host_ufo = 1ull << 14;
inline constexpr std::uint64_t mrg_rxbuf = 1ull << 15;
inline constexpr std::uint64_t status = 1ull << 16;
inline constexpr std::uint64_t ctrl_vq = 1ull << 17;
inline constexpr std::uint64_t multi_queue = 1ull << 22;
inline constexpr std::uint64_t guest_uso4 = 1ull << 54;
inline constexpr std::uint64_t guest_uso6 = 1ull << 55;
inline constexpr std::uint64_t host_uso = 1ull << 56;
}  // namespace net_feature

// What the guest's driver takes of those. A device that is handed over running (DeviceRecord) has accepted no others.
inline constexpr std::uint64_t net_driver_features =
    net_feature::csum | net_feature::guest_csum | net_feature::mtu | net_feature::mac | net_feature::guest_tso4 |
    net_feature::guest_tso6 | net_feature::guest_ecn | net_feature::host_tso4 | net_feature::host_tso6 |
    net_feature::mrg_rxbuf | net_feature::status | net_feature::ctrl_vq | net_feature::multi_queue |
    feature::indirect_desc | feature::event_idx | feature::version_1;

struct [[gnu::packed]] NetConfig {
    std::uint8_t mac[6];
    std::uint16_t status;
    std::uint16_t max_queue_pairs;
    std::uint16_t mtu;
};
static_assert(sizeof(NetConfig) == 12);

namespace net_status {
inline constexpr std::uint16_t link_up = 1;
}

namespace net_header_flag {
inline constexpr std::uint8_t needs_csum = 1;
inline constexpr std::uint8_t data_valid = 2;
}  // namespace net_header_flag

enum class NetSegmentation : std::uint8_t { none = 0, tcp4 = 1, udp = 3, tcp6 = 4, udp_l4 = 5 };  // | 0x80: ECN

// In front of each frame, in both directions.
struct NetHeader {
    std::uint8_t flags;
    std::uint8_t segmentation;
    std::uint16_t header_bytes;
    std::uint16_t segment_bytes;
    std::uint16_t csum_start;
    std::uint16_t csum_offset;
    std::uint16_t buffer_count;
};
static_assert(sizeof(NetHeader) == 12);

// Control queue: class and command, then the command's data, then one byte for the device's answer.
struct NetControl {
    std::uint8_t command_class;
    std::uint8_t command;
};
namespace net_control {
inline constexpr std::uint8_t class_multi_queue = 4;
inline constexpr std::uint8_t multi_queue_pairs_set = 0;  // data: std::uint16_t
inline constexpr std::uint8_t ok = 0, error = 1;
}  // namespace net_control

}  // namespace husk::abi::virtio
