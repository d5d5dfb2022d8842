// SPDX-License-Identifier: Apache-2.0
#include "launcher/virtio/queue.hpp"

#include <atomic>
#include <bit>
#include <utility>

#include <husk/abi/virtio/mmio.hpp>

#include "launcher/config/text.hpp"
#include "launcher/virtio/chain_reader.hpp"

namespace husk::virtio {

namespace {

using abi::virtio::AvailableRing;
using abi::virtio::UsedElement;
using abi::virtio::UsedRing;
using config::fill_in;

constexpr std::uint64_t ring_alignment_available = 2, ring_alignment_used = 4, table_alignment = 16;  // [virtio 2.7]

std::uint16_t load(std::uint16_t& word, std::memory_order order) { return std::atomic_ref(word).load(order); }
void store(std::uint16_t& word, std::uint16_t value, std::memory_order order) {
    std::atomic_ref(word).store(value, order);
}

bool is_usable(const memory::GuestMemory& memory, const QueueLayout& layout) {
    if (!std::has_single_bit(layout.size) || layout.size > abi::virtio::max_queue_size) return false;
    if (!layout.descriptors.is_aligned(table_alignment)) return false;
    if (!layout.available.is_aligned(ring_alignment_available) || !layout.used.is_aligned(ring_alignment_used))
        return false;
    using namespace abi::virtio;
    return !memory.try_span(layout.descriptors, descriptor_table_bytes(layout.size)).empty() &&
           !memory.try_span(layout.available, available_ring_bytes(layout.size)).empty() &&
           !memory.try_span(layout.used, used_ring_bytes(layout.size)).empty();
}

}  // namespace

std::optional<Queue> Queue::try_create(const memory::GuestMemory& memory, const QueueLayout& layout,
                                       std::uint64_t features) {
    if (!is_usable(memory, layout)) return std::nullopt;
    return Queue(memory, layout, features);
}

Queue::Queue(const memory::GuestMemory& memory, const QueueLayout& layout, std::uint64_t features)
    : memory_(&memory),
      layout_(layout),
      mask_(static_cast<std::uint16_t>(layout.size - 1)),
      with_event_index_((features & abi::virtio::feature::event_idx) != 0),
      with_indirect_((features & abi::virtio::feature::indirect_desc) != 0),
      available_(memory.try_shared<AvailableRing>(layout.available)),
      available_ring_(
          memory.try_shared_array<std::uint16_t>(layout.available + sizeof(AvailableRing), layout.size + 1)),
      used_(memory.try_shared<UsedRing>(layout.used)),
      used_ring_(memory.try_shared_array<UsedElement>(layout.used + sizeof(UsedRing), layout.size)),
      available_event_(memory.try_shared<std::uint16_t>(layout.used + sizeof(UsedRing) +
                                                        std::uint64_t{layout.size} * sizeof(UsedElement))),
      is_in_flight_(layout.size) {}

bool Queue::look_for_available() {
    // Acquire: pairs with the driver's release of the ring's entries [virtio 2.7.13.3].
    seen_available_ = load(available_->index, std::memory_order_acquire);
    const auto count = static_cast<std::uint16_t>(seen_available_ - next_available_);
    if (count > layout_.size) {
        fault_ = fill_in("the available index jumps from {} to {}, the queue has {} entries", next_available_,
                         seen_available_, layout_.size);
        return false;
    }
    return count != 0;
}

std::optional<Chain> Queue::try_take() {
    if (fault_) return std::nullopt;
    if (next_available_ == seen_available_ && !look_for_available()) return std::nullopt;
    const std::uint16_t index = next_available_;
    const std::uint16_t head = load(available_ring_[slot(index)], std::memory_order_relaxed);
    if (head >= layout_.size) {
        fault_ = fill_in("available entry {} names descriptor {}, the queue has {}", index, head, layout_.size);
        return std::nullopt;
    }
    if (is_in_flight_[head]) {
        fault_ = fill_in("available entry {} names descriptor {}, which the device still has", index, head);
        return std::nullopt;
    }
    ChainReader reader(*memory_, layout_.descriptors, layout_.size, with_indirect_);
    if (!reader.read(head)) {
        fault_ = fill_in("available entry {}, chain {}: {}", index, head, reader.fault());
        return std::nullopt;
    }
    ++next_available_;
    is_in_flight_[head] = true;
    ++in_flight_;
    return Chain(head, reader.take_pieces(), reader.readable_count());
}

void Queue::put_back(Chain chain, std::uint32_t written_bytes) {
    chain.is_open_ = false;
    is_in_flight_[chain.head()] = false;
    --in_flight_;
    UsedElement& element = used_ring_[slot(next_used_)];
    std::atomic_ref(element.head).store(chain.head(), std::memory_order_relaxed);
    std::atomic_ref(element.written_bytes).store(written_bytes, std::memory_order_relaxed);
    ++next_used_;
}

// Release: the elements, and all that the device has stored for them, come first [virtio 2.7.8.2].
void Queue::publish() { store(used_->index, next_used_, std::memory_order_release); }

bool Queue::take_interrupt_wish() {
    if (signalled_used_ == next_used_) return false;
    // Between the store of the used index and the look at the driver's wish: pairs with the driver's fence between its
    // wish and its look at the index [virtio 2.7.7.2].
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint16_t before = std::exchange(signalled_used_, next_used_);
    if (with_event_index_) {
        const std::uint16_t event = load(available_ring_[layout_.size], std::memory_order_relaxed);
        return abi::virtio::wants_event(event, next_used_, before);
    }
    return (load(available_->flags, std::memory_order_relaxed) & abi::virtio::available_no_interrupt) == 0;
}

bool Queue::arm() {
    if (with_event_index_) {
        store(*available_event_, next_available_, std::memory_order_relaxed);
    } else {
        store(used_->flags, 0, std::memory_order_relaxed);
    }
    // Pairs with the driver's fence between its available index and its look at our wish [virtio 2.7.10].
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return load(available_->index, std::memory_order_relaxed) == next_available_;
}

void Queue::disarm() {
    // With EVENT_IDX there is nothing to do: the event stays behind, and the driver passes it only once.
    if (!with_event_index_) store(used_->flags, abi::virtio::used_no_notify, std::memory_order_relaxed);
}

}  // namespace husk::virtio
