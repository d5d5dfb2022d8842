// SPDX-License-Identifier: Apache-2.0
// The split virtqueue: descriptor table, available ring and used ring in guest memory [virtio 2.7].
#pragma once

#include <cstddef>
#include <cstdint>

#include <husk/abi/guest_address.hpp>

namespace husk::abi::virtio {

inline constexpr std::uint32_t max_queue_size = 32768;

namespace descriptor_flag {
inline constexpr std::uint16_t next = 1;
inline constexpr std::uint16_t write = 2;  // for the device to write
inline constexpr std::uint16_t indirect = 4;
}  // namespace descriptor_flag

struct Descriptor {
    std::uint64_t address;  // gpa
    std::uint32_t size_bytes;
    std::uint16_t flags;
    std::uint16_t next;
};
static_assert(sizeof(Descriptor) == 16);

// Hints of both rings when EVENT_IDX is not negotiated.
inline constexpr std::uint16_t available_no_interrupt = 1;
inline constexpr std::uint16_t used_no_notify = 1;

// Followed by std::uint16_t ring[size] and std::uint16_t used_event.
struct AvailableRing {
    std::uint16_t flags;
    std::uint16_t index;
};
struct UsedElement {
    std::uint32_t head;
    std::uint32_t written_bytes;
};
// Followed by UsedElement ring[size] and std::uint16_t available_event.
struct UsedRing {
    std::uint16_t flags;
    std::uint16_t index;
};
static_assert(sizeof(AvailableRing) == 4 && sizeof(UsedRing) == 4 && sizeof(UsedElement) == 8);

// Bytes of each part of a queue of `size` entries, a power of two.
constexpr std::uint64_t descriptor_table_bytes(std::uint32_t size) { return sizeof(Descriptor) * std::uint64_t{size}; }
constexpr std::uint64_t available_ring_bytes(std::uint32_t size) { return 6 + 2 * std::uint64_t{size}; }
constexpr std::uint64_t used_ring_bytes(std::uint32_t size) { return 6 + 8 * std::uint64_t{size}; }

// Where the parts lie in the memory of a queue that the launcher has set up (DeviceRecord): one behind the other, the
// whole rounded up to pages. Two sides write the two rings, so they share no cache line.
namespace queue_layout {
inline constexpr std::uint64_t cache_line_bytes = 64;
constexpr std::uint64_t available_offset(std::uint32_t size) { return descriptor_table_bytes(size); }
constexpr std::uint64_t used_offset(std::uint32_t size) {
    return align_up(available_offset(size) + available_ring_bytes(size), cache_line_bytes);
}
constexpr std::uint64_t bytes(std::uint32_t size) {
    return align_up(used_offset(size) + used_ring_bytes(size), page_size);
}
}  // namespace queue_layout

// Whether the other side wants to hear of the entries [old_index, new_index), when it asked at `event` [virtio 2.7.10].
constexpr bool wants_event(std::uint16_t event, std::uint16_t new_index, std::uint16_t old_index) {
    return static_cast<std::uint16_t>(new_index - event - 1) < static_cast<std::uint16_t>(new_index - old_index);
}

}  // namespace husk::abi::virtio
