// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/virtqueue.hpp"

#include <atomic>

namespace husk {

namespace virtio = abi::virtio;

void Virtqueue::initialise(std::byte* memory, std::uint32_t size, bool has_event_index) {
    namespace layout = virtio::queue_layout;
    std::byte* available = memory + layout::available_offset(size);
    std::byte* used = memory + layout::used_offset(size);
    // SAFETY: queue_layout::bytes(size) bytes, each part aligned as its type, for the life of the queue.
    descriptors_ = reinterpret_cast<virtio::Descriptor*>(memory);
    available_ = reinterpret_cast<virtio::AvailableRing*>(available);
    available_entries_ = reinterpret_cast<std::uint16_t*>(available + sizeof(virtio::AvailableRing));
    used_ = reinterpret_cast<virtio::UsedRing*>(used);
    // SAFETY: as above.
    used_entries_ = reinterpret_cast<virtio::UsedElement*>(used + sizeof(virtio::UsedRing));
    available_event_ = reinterpret_cast<std::uint16_t*>(used_entries_ + size);
    size_ = size;
    has_event_index_ = has_event_index;
    is_broken_ = false;
    for (std::uint32_t i = 0; i < size; ++i) next_[i] = static_cast<std::uint16_t>(i + 1);
    next_[size - 1] = end_of_list;
    chain_size_ = {};
    free_head_ = 0;
    free_count_ = size;
    added_ = published_ = taken_ = 0;
}

std::uint16_t Virtqueue::take_descriptor() {
    std::uint16_t index = free_head_;
    free_head_ = next_[index];
    --free_count_;
    return index;
}

std::optional<std::uint16_t> Virtqueue::add(std::span<const Buffer> buffers) {
    if (is_broken_ || buffers.empty() || buffers.size() > free_count_) return {};
    std::uint16_t head = free_head_;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
        std::uint16_t index = take_descriptor();
        bool is_last = i + 1 == buffers.size();
        std::uint16_t flags = buffers[i].device_writes ? virtio::descriptor_flag::write : 0;
        if (!is_last) flags |= virtio::descriptor_flag::next;
        // The next descriptor taken is the one that the free list names now.
        descriptors_[index] = {buffers[i].begin.value, buffers[i].size_bytes, flags,
                               is_last ? std::uint16_t{0} : free_head_};
    }
    chain_size_[head] = static_cast<std::uint16_t>(buffers.size());
    available_entries_[added_++ % size_] = head;
    return head;
}

std::optional<std::uint16_t> Virtqueue::add_indirect(abi::GuestPhys table, std::uint32_t descriptors) {
    if (is_broken_ || free_count_ == 0) return {};
    std::uint16_t head = take_descriptor();
    auto size_bytes = static_cast<std::uint32_t>(descriptors * sizeof(virtio::Descriptor));
    descriptors_[head] = {table.value, size_bytes, virtio::descriptor_flag::indirect, 0};
    chain_size_[head] = 1;
    available_entries_[added_++ % size_] = head;
    return head;
}

bool Virtqueue::publish() {
    if (added_ == published_) return false;
    std::uint16_t before = published_;
    published_ = added_;
    // Pairs with the device's acquire of the index: it sees descriptors and entries.
    std::atomic_ref(available_->index).store(published_, std::memory_order_release);
    // The device looks at the index after it has asked for a notification: one of the two sees the other [virtio
    // 2.7.13.4.1].
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (has_event_index_) {
        std::uint16_t event = std::atomic_ref(*available_event_).load(std::memory_order_relaxed);
        return virtio::wants_event(event, published_, before);
    }
    return (std::atomic_ref(used_->flags).load(std::memory_order_relaxed) & virtio::used_no_notify) == 0;
}

std::uint16_t Virtqueue::load_used_index() {
    // Pairs with the device's release: entries up to the index, and what it wrote into buffers, are there.
    return std::atomic_ref(used_->index).load(std::memory_order_acquire);
}

std::optional<Virtqueue::Used> Virtqueue::take_used() {
    if (is_broken_) return {};
    std::uint16_t index = load_used_index();
    if (index == taken_) return {};
    // Each word is read once: who checks it must have what is used.
    virtio::UsedElement& element = used_entries_[taken_ % size_];
    std::uint32_t head = std::atomic_ref(element.head).load(std::memory_order_relaxed);
    std::uint32_t written_bytes = std::atomic_ref(element.written_bytes).load(std::memory_order_relaxed);
    // Of what is in flight the device uses each chain once.
    auto used = static_cast<std::uint16_t>(index - taken_), in_flight = static_cast<std::uint16_t>(published_ - taken_);
    is_broken_ = used > in_flight || head >= size_ || chain_size_[head] == 0;
    if (is_broken_) return {};
    ++taken_;
    auto last = static_cast<std::uint16_t>(head);
    for (std::uint16_t i = 1; i < chain_size_[head]; ++i) last = next_[last];
    next_[last] = free_head_;
    free_head_ = static_cast<std::uint16_t>(head);
    free_count_ += chain_size_[head];
    chain_size_[head] = 0;
    return Used{free_head_, written_bytes};
}

bool Virtqueue::want_interrupt() {
    // Without EVENT_IDX interrupts are never switched off.
    if (has_event_index_) std::atomic_ref(available_entries_[size_]).store(taken_, std::memory_order_relaxed);
    // The device looks at used_event after it has stored its index: one of the two sees the other [virtio 2.7.10].
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return !is_broken_ && taken_ != load_used_index();
}

}  // namespace husk
