// SPDX-License-Identifier: Apache-2.0
// The device's side of a split virtqueue [virtio 2.7].
//
//   while (auto chain = queue.try_take()) { ...read and write its segments...  queue.complete(std::move(*chain), n); }
//   if (queue.fault()) ...                  // the driver broke a rule: the device cannot go on
//   if (queue.take_interrupt_wish()) ...    // tell the driver
//   if (queue.arm()) ...sleep until notified...  else ...look again...
//
// Indices are shadowed: what the device stored in guest memory it never reads back. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/virtio/ring.hpp>

#include "launcher/memory/guest_memory.hpp"
#include "launcher/virtio/chain.hpp"

namespace husk::virtio {

// Where a driver has put a queue's three parts.
struct QueueLayout {
    std::uint32_t size = 0;
    abi::GuestPhys descriptors;
    abi::GuestPhys available;
    abi::GuestPhys used;
};

class Queue final {
public:
    // Nothing: the size is no power of two, or a part is misaligned or not all RAM. memory outlives the queue.
    // features: what was negotiated.
    [[nodiscard]] static std::optional<Queue> try_create(const memory::GuestMemory& memory, const QueueLayout& layout,
                                                         std::uint64_t features);

    // The next chain that the driver has made available. Nothing: there is none now, or fault() says why never more.
    [[nodiscard]] std::optional<Chain> try_take();

    // Gives a chain back: the device stored written_bytes at the start of its writable segments.
    void complete(Chain chain, std::uint32_t written_bytes) {
        put_back(std::move(chain), written_bytes);
        publish();
    }
    // The same in two steps: the driver sees what was put back when it is published, all at once.
    void put_back(Chain chain, std::uint32_t written_bytes);
    void publish();

    // Whether the driver wants to hear of what was completed since the last call [virtio 2.7.7].
    [[nodiscard]] bool take_interrupt_wish();

    // From here on the driver notifies when it makes a chain available. false: there is one already.
    [[nodiscard]] bool arm();
    // No notifications: the device looks by itself. A hint.
    void disarm();

    [[nodiscard]] std::uint32_t size() const { return layout_.size; }
    [[nodiscard]] const QueueLayout& layout() const { return layout_; }
    [[nodiscard]] std::uint32_t in_flight() const { return in_flight_; }
    [[nodiscard]] const std::optional<std::string>& fault() const { return fault_; }

private:
    Queue(const memory::GuestMemory& memory, const QueueLayout& layout, std::uint64_t features);

    [[nodiscard]] bool look_for_available();
    [[nodiscard]] std::uint16_t slot(std::uint16_t index) const { return static_cast<std::uint16_t>(index & mask_); }

    const memory::GuestMemory* memory_;
    QueueLayout layout_;
    std::uint16_t mask_;
    bool with_event_index_;
    bool with_indirect_;

    // In guest memory; atomic accesses only.
    abi::virtio::AvailableRing* available_;
    std::span<std::uint16_t> available_ring_;  // and used_event behind the last entry
    abi::virtio::UsedRing* used_;
    std::span<abi::virtio::UsedElement> used_ring_;
    std::uint16_t* available_event_;

    std::uint16_t seen_available_ = 0;  // the driver's index when last looked at
    std::uint16_t next_available_ = 0;
    std::uint16_t next_used_ = 0;
    std::uint16_t signalled_used_ = 0;
    std::uint32_t in_flight_ = 0;
    std::vector<bool> is_in_flight_;  // by head
    std::optional<std::string> fault_;
};

}  // namespace husk::virtio
