// SPDX-License-Identifier: Apache-2.0
// The driver's side of a split virtqueue [virtio 2.7].
//
//   queue.add(...); queue.add(...);                  // chains for the device
//   if (queue.publish()) ... notify the device ...
//   while (auto used = queue.take_used()) ...        // what it has finished
//   if (queue.want_interrupt()) ... take_used() again ...
//
// A device that says it has used what it was not given has broken the queue: nothing more comes out of it, nor goes in.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/virtio/ring.hpp>

namespace husk {

// Not locked. Indices are kept here and never read back from memory that the device can write.
class Virtqueue {
public:
    static constexpr std::uint32_t max_size = 256;  // entries

    struct Buffer {
        abi::GuestPhys begin;
        std::uint32_t size_bytes;
        bool device_writes;
    };
    struct Used {
        std::uint16_t head;
        std::uint32_t written_bytes;
    };

    // `memory` is laid out as abi::virtio::queue_layout says and all zero; `size` a power of two up to max_size.
    void initialise(std::byte* memory, std::uint32_t size, bool has_event_index);
    [[nodiscard]] std::uint32_t size() const { return size_; }

    // For a chain of one descriptor, direct or indirect.
    [[nodiscard]] bool has_room() const { return !is_broken_ && free_count_ != 0; }
    // The chain's head, or nothing when there are too few descriptors. Readable buffers come first [virtio 2.7.4.2].
    std::optional<std::uint16_t> add(std::span<const Buffer> buffers);
    // A chain whose descriptors lie in a table of their own [virtio 2.7.5.3].
    std::optional<std::uint16_t> add_indirect(abi::GuestPhys table, std::uint32_t descriptors);
    // Makes what was added available. True: the device wants to be notified.
    bool publish();

    [[nodiscard]] bool is_broken() const { return is_broken_; }

    // A chain that the device has finished, its descriptors free again.
    std::optional<Used> take_used();
    // From here on the device interrupts for what it uses next. True: it has used something meanwhile.
    bool want_interrupt();

private:
    static constexpr std::uint16_t end_of_list = UINT16_MAX;

    std::uint16_t take_descriptor();
    std::uint16_t load_used_index();

    abi::virtio::Descriptor* descriptors_ = nullptr;
    abi::virtio::AvailableRing* available_ = nullptr;
    std::uint16_t* available_entries_ = nullptr;  // size_ of them, then used_event
    abi::virtio::UsedRing* used_ = nullptr;
    abi::virtio::UsedElement* used_entries_ = nullptr;
    std::uint16_t* available_event_ = nullptr;
    std::uint32_t size_ = 0;
    bool has_event_index_ = false;
    bool is_broken_ = false;

    std::uint16_t free_head_ = end_of_list;
    std::uint32_t free_count_ = 0;
    std::uint16_t added_ = 0;                           // available index with everything that was added
    std::uint16_t published_ = 0;                       // as the device sees it
    std::uint16_t taken_ = 0;                           // used index up to which chains were taken
    std::array<std::uint16_t, max_size> next_{};        // of free descriptors, and within chains
    std::array<std::uint16_t, max_size> chain_size_{};  // by head; 0: not in flight
};

}  // namespace husk
