// SPDX-License-Identifier: Apache-2.0
// A driver for tests: fills a split queue in guest memory, rightly or as wrongly as asked.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <husk/abi/virtio/ring.hpp>

#include "launcher/memory/guest_memory.hpp"
#include "launcher/virtio/queue.hpp"

namespace husk::test {

inline memory::GuestMemory make_guest_memory() { return memory::GuestMemory::create(8 << 20, config::HugePages::off); }

class VirtioDriver final {
public:
    static constexpr std::uint64_t queue_at = 0x10000;
    static constexpr std::uint64_t tables_at = 0x20000;  // indirect ones
    static constexpr std::uint64_t data_at = 0x100000;

    explicit VirtioDriver(const memory::GuestMemory& memory, std::uint32_t size = 8) : memory_(memory), size_(size) {}

    [[nodiscard]] virtio::QueueLayout layout() const {
        namespace layout = abi::virtio::queue_layout;
        return {
            size_, {queue_at}, {queue_at + layout::available_offset(size_)}, {queue_at + layout::used_offset(size_)}};
    }

    void set_descriptor(std::uint32_t index, const abi::virtio::Descriptor& descriptor) {
        store(queue_at + index * sizeof descriptor, descriptor);
    }
    void set_indirect(std::uint32_t index, const abi::virtio::Descriptor& descriptor) {
        store(tables_at + index * sizeof descriptor, descriptor);
    }
    void make_available(std::uint16_t head) {
        const std::uint64_t ring = layout().available.value;
        store(ring + 4 + 2 * std::uint64_t{available_} % (2 * size_), head);
        set_available_index(++available_);
    }
    void set_available_index(std::uint16_t index) { word(layout().available.value + 2).store(index); }
    void set_used_event(std::uint16_t index) { word(layout().available.value + 4 + 2 * size_).store(index); }
    [[nodiscard]] std::uint16_t available_event() const { return word(layout().used.value + 4 + 8 * size_).load(); }
    [[nodiscard]] std::uint16_t used_index() const { return word(layout().used.value + 2).load(); }

    // The next used element, if there is one.
    [[nodiscard]] std::optional<abi::virtio::UsedElement> take_used() {
        if (used_ == used_index()) return std::nullopt;
        return load<abi::virtio::UsedElement>(layout().used.value + 4 + 8 * std::uint64_t{used_++ % size_});
    }

    template <class T>
    void store(std::uint64_t at, const T& value) {
        std::memcpy(memory_.try_span({at}, sizeof value).data(), &value, sizeof value);
    }
    template <class T>
    [[nodiscard]] T load(std::uint64_t at) const {
        return memory_.copy_in<T>({at}).value();
    }
    [[nodiscard]] std::string text(std::uint64_t at, std::size_t size) const {
        std::string bytes(size, '\0');
        if (!memory_.copy_in({at}, std::as_writable_bytes(std::span(bytes)))) return {};
        return bytes;
    }

private:
    [[nodiscard]] std::atomic_ref<std::uint16_t> word(std::uint64_t at) const {
        return std::atomic_ref(*memory_.try_shared<std::uint16_t>({at}));
    }

    const memory::GuestMemory& memory_;
    std::uint32_t size_;
    std::uint16_t available_ = 0;
    std::uint16_t used_ = 0;
};

}  // namespace husk::test
