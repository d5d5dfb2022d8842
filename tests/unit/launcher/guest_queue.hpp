// SPDX-License-Identifier: Apache-2.0
// The driver's side of a split virtqueue in guest memory, as simple as can be: each buffer is one chain.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

#include <husk/abi/virtio/ring.hpp>

#include "launcher/memory/guest_memory.hpp"
#include "launcher/virtio/queue.hpp"

namespace husk::test {

class GuestQueue final {
public:
    struct Buffer {
        std::uint64_t gpa;
        std::uint32_t size_bytes;
        bool is_writable;
    };

    // The rings lie at `begin`, page-aligned.
    GuestQueue(const memory::GuestMemory& memory, std::uint64_t begin, std::uint32_t size)
        : memory_(memory),
          layout_{size,
                  {begin},
                  {begin + abi::virtio::queue_layout::available_offset(size)},
                  {begin + abi::virtio::queue_layout::used_offset(size)}} {}

    [[nodiscard]] virtio::Queue make_device_side(std::uint64_t features = 0) const {
        return *virtio::Queue::try_create(memory_, layout_, features);
    }

    // Makes a chain of `buffers` available; returns its head.
    std::uint16_t add(std::span<const Buffer> buffers) {
        const std::uint16_t head = next_descriptor_;
        for (std::size_t i = 0; i < buffers.size(); ++i) {
            std::uint16_t flags = buffers[i].is_writable ? abi::virtio::descriptor_flag::write : 0;
            if (i + 1 != buffers.size()) flags |= abi::virtio::descriptor_flag::next;
            set_descriptor(next_descriptor_, {buffers[i].gpa, buffers[i].size_bytes, flags,
                                              static_cast<std::uint16_t>(next_descriptor_ + 1)});
            ++next_descriptor_;
        }
        publish(head);
        return head;
    }
    std::uint16_t add(const Buffer& buffer) { return add(std::span(&buffer, 1)); }

    void set_descriptor(std::uint16_t index, const abi::virtio::Descriptor& descriptor) {
        store(layout_.descriptors.value + index * sizeof descriptor, descriptor);
    }
    void publish(std::uint16_t head) {
        store(layout_.available.value + 4 + 2 * (available_ % layout_.size), head);
        ++available_;
        store_index(layout_.available.value + 2, available_);
    }
    void store_index(std::uint64_t gpa, std::uint16_t value) {
        std::atomic_ref(*memory_.try_shared<std::uint16_t>({gpa})).store(value);
    }

    [[nodiscard]] std::uint16_t used_index() const {
        return std::atomic_ref(*memory_.try_shared<std::uint16_t>(layout_.used + 2)).load();
    }
    // The next used element that was not taken yet.
    std::optional<abi::virtio::UsedElement> try_take_used() {
        if (taken_ == used_index()) return std::nullopt;
        abi::virtio::UsedElement element{};
        static_cast<void>(memory_.copy_in(layout_.used + 4 + sizeof element * (taken_ % layout_.size),
                                          std::as_writable_bytes(std::span(&element, 1))));
        ++taken_;
        return element;
    }

    [[nodiscard]] const virtio::QueueLayout& layout() const { return layout_; }

private:
    template <class Value>
    void store(std::uint64_t gpa, const Value& value) {
        static_cast<void>(memory_.copy_out({gpa}, std::as_bytes(std::span(&value, 1))));
    }

    const memory::GuestMemory& memory_;
    virtio::QueueLayout layout_;
    std::uint16_t next_descriptor_ = 0;
    std::uint16_t available_ = 0;
    std::uint16_t taken_ = 0;
};

}  // namespace husk::test
