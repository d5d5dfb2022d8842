// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/hostile_device.hpp"

#include <algorithm>
#include <cstring>

#include <husk/abi/memory_layout.hpp>

#include "tests/fuzz/driver_memory.hpp"

namespace husk::fuzz {

namespace virtio = abi::virtio;
using virtio::Register;

namespace {

template <class T>
void store(std::uint64_t at, T value) {
    demand(is_allocated(at, sizeof value));
    std::memcpy(reinterpret_cast<void*>(at), &value, sizeof value);
}

template <class T>
T load(std::uint64_t at) {
    T value;
    demand(is_allocated(at, sizeof value));
    std::memcpy(&value, reinterpret_cast<const void*>(at), sizeof value);
    return value;
}

}  // namespace

HostileDevice::HostileDevice(Input& input, DeviceKind& kind)
    : input_(input),
      kind_(kind),
      chooses_freely_((input.byte() & 1) != 0),
      size_max_(std::array<std::uint16_t, 8>{256, 8, 1, 0, 3, 1024, 16, 256}[input.byte() % 8]),
      features_(kind.driver_features & ~std::uint64_t{input.any()}) {}

abi::DeviceRecord HostileDevice::record() const {
    abi::DeviceRecord record{};
    record.registers = abi::device_registers_base;
    record.device = kind_.id;
    return record;
}

bool HostileDevice::has_lied() const { return ever_lied_; }

HostileDevice::Queue& HostileDevice::queue() { return queues_[std::min<std::size_t>(selected_, queue_count)]; }

std::uint32_t HostileDevice::read(std::uint64_t offset, unsigned width) {
    if (offset >= static_cast<std::uint64_t>(Register::config))
        return kind_.read_config(input_, offset - static_cast<std::uint64_t>(Register::config), width);
    demand(width == 4);
    if (chooses_freely_ && input_.byte() == 0xee) return input_.any();
    switch (static_cast<Register>(offset)) {
        case Register::magic_value:
            return virtio::magic;
        case Register::version:
            return virtio::version_modern;
        case Register::device_id:
            return static_cast<std::uint32_t>(kind_.id);
        case Register::device_features:
            return static_cast<std::uint32_t>(features_ >> (32 * (feature_half_ & 1)));
        case Register::queue_num_max:
            return selected_ < queue_count ? size_max_ : 0;
        case Register::status:
            return status_;
        case Register::config_generation:
            return chooses_freely_ ? ++generation_ : generation_;
        default:
            return static_cast<std::uint32_t>(offset);
    }
}

void HostileDevice::write(std::uint64_t offset, std::uint32_t value) {
    const auto set = [value](std::uint64_t& address, bool high) {
        address =
            high ? (address & UINT32_MAX) | std::uint64_t{value} << 32 : (address & ~std::uint64_t{UINT32_MAX}) | value;
    };
    switch (static_cast<Register>(offset)) {
        case Register::status:
            status_ = value;
            if (value == 0) queues_ = {};
            return;
        case Register::device_features_sel:
            feature_half_ = value;
            return;
        case Register::queue_sel:
            selected_ = value;
            return;
        case Register::queue_num:
            queue().size = value;
            return;
        case Register::queue_desc_low:
        case Register::queue_desc_high:
            return set(queue().descriptors, offset == 0x84);
        case Register::queue_driver_low:
        case Register::queue_driver_high:
            return set(queue().available, offset == 0x94);
        case Register::queue_device_low:
        case Register::queue_device_high:
            return set(queue().used, offset == 0xa4);
        default:
            return;
    }
}

void HostileDevice::step() {
    Queue& queue = queues_[input_.byte() % (input_.byte() % 4 == 0 ? queue_count : 4)];
    if (queue.size == 0) return;
    take_available(queue);
    switch (input_.byte() % 8) {
        case 0:  // an index from nowhere
            queue.has_lied = ever_lied_ = true;
            return store_index(queue, static_cast<std::uint16_t>(queue.used_index + input_.word() % 600));
        case 1:  // a head from nowhere
            queue.has_lied = ever_lied_ = true;
            return use(queue, input_.byte() % 2 == 0 ? input_.any() : input_.byte(), input_.any());
        case 2:
            store<std::uint16_t>(queue.used, input_.word());  // flags
            return store<std::uint16_t>(queue.used + 4 + 8ull * queue.size, input_.word());
        default:
            break;
    }
    // What it should do, but for the length and the bytes.
    for (unsigned count = 1u + input_.byte() % 20; count != 0 && !queue.taken.empty(); --count) {
        const std::size_t at = input_.byte() % queue.taken.size();
        const std::uint16_t head = queue.taken[at];
        queue.taken.erase(queue.taken.begin() + static_cast<std::ptrdiff_t>(at));
        use(queue, head, fill(queue, head));
    }
}

void HostileDevice::take_available(Queue& queue) {
    const auto index = load<std::uint16_t>(queue.available + 2);
    for (; queue.seen != index; ++queue.seen)
        queue.taken.push_back(load<std::uint16_t>(queue.available + 4 + 2ull * (queue.seen % queue.size)));
}

void HostileDevice::store_index(Queue& queue, std::uint16_t index) {
    queue.used_index = index;
    store(queue.used + 2, index);
}

void HostileDevice::use(Queue& queue, std::uint32_t head, std::uint32_t written) {
    store(queue.used + 4 + 8ull * (queue.used_index % queue.size), virtio::UsedElement{head, written});
    store_index(queue, static_cast<std::uint16_t>(queue.used_index + 1));
}

// Walks a chain of the driver's, which must be right as long as the device is: every buffer is the driver's memory.
// Returns what length it says.
std::uint32_t HostileDevice::fill(const Queue& queue, std::uint16_t head) {
    demand(head < queue.size);
    if (!queue.has_lied) walk(queue.descriptors, queue.size, head);
    return input_.byte() % 4 == 0 ? input_.any() : input_.word() % 4200;
}

void HostileDevice::walk(std::uint64_t table, std::uint32_t size, std::uint16_t first) {
    std::uint16_t at = first;
    for (std::uint32_t count = 0;; ++count) {
        demand(count < size && at < size);
        const auto descriptor = load<virtio::Descriptor>(table + at * sizeof(virtio::Descriptor));
        demand(is_allocated(descriptor.address, descriptor.size_bytes));
        if ((descriptor.flags & virtio::descriptor_flag::indirect) != 0)
            return walk(descriptor.address, descriptor.size_bytes / sizeof(virtio::Descriptor), 0);
        if ((descriptor.flags & virtio::descriptor_flag::write) != 0) kind_.scribble(input_, descriptor);
        if ((descriptor.flags & virtio::descriptor_flag::next) == 0) return;
        at = descriptor.next;
    }
}

}  // namespace husk::fuzz
