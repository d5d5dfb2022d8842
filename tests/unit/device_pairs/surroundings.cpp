// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/device_pairs/surroundings.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/mmio.hpp"
#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/random.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/scheduler.hpp"

namespace husk {

namespace {

constexpr std::uint64_t queues_begin = 0x10000, heap_begin = 0x100000;

test::Surroundings* current = nullptr;

std::uint64_t register_offset(std::uint64_t address) {
    return address - abi::physmap_base - abi::device_registers_base;
}

template <class T>
T read_register(std::uint64_t address) {
    T value{};
    current->transport->on_read(register_offset(address), std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

}  // namespace

namespace test {

Surroundings::Surroundings() : next_gpa_(heap_begin) {
    memory::hosted_ram_base = reinterpret_cast<std::uint64_t>(memory.try_span({0}, 1).data());
    current = this;
}

Surroundings::~Surroundings() { current = nullptr; }

abi::DeviceRecord Surroundings::attach(std::string name, std::unique_ptr<virtio::Device> device, bool handed_over,
                                       std::uint64_t driver_features) {
    namespace layout = abi::virtio::queue_layout;
    abi::DeviceRecord record{};
    record.registers = abi::device_registers_base;
    record.device = device->id();
    record.queue_size = device->queue_size_max();
    record.queues = queues_begin;
    const std::uint32_t queue_count = device->queue_count();
    transport = std::make_unique<virtio::MmioTransport>(std::move(name), std::move(device), memory, page_, host);
    if (!handed_over) return record;
    record.queue_count = queue_count;
    std::vector<virtio::QueueLayout> layouts;
    for (std::uint32_t i = 0; i < queue_count; ++i) {
        const std::uint64_t at = queues_begin + i * layout::bytes(record.queue_size);
        layouts.push_back({record.queue_size,
                           {at},
                           {at + layout::available_offset(record.queue_size)},
                           {at + layout::used_offset(record.queue_size)}});
    }
    record.features = transport->hand_over(layouts, driver_features);
    return record;
}

void* Surroundings::allocate(std::size_t size_bytes) {
    if (is_out_of_memory) return nullptr;
    size_bytes = abi::align_up(size_bytes, 16);
    if (auto found = released_.find(size_bytes); found != released_.end()) {
        void* block = found->second;
        released_.erase(found);
        return block;
    }
    if (size_bytes >= abi::page_size) next_gpa_ = abi::align_up(next_gpa_, abi::page_size);
    void* block = memory::frame_pointer<void>({next_gpa_});
    next_gpa_ += size_bytes;
    return block;
}

void Surroundings::release(void* block, std::size_t size_bytes) {
    released_.emplace(abi::align_up(size_bytes, 16), block);
}

}  // namespace test

// What the drivers ask of the rest of the guest.

std::uint8_t arch::read_mmio8(std::uint64_t address) { return read_register<std::uint8_t>(address); }
std::uint16_t arch::read_mmio16(std::uint64_t address) { return read_register<std::uint16_t>(address); }
std::uint32_t arch::read_mmio32(std::uint64_t address) { return read_register<std::uint32_t>(address); }
void arch::write_mmio32(std::uint64_t address, std::uint32_t value) {
    current->transport->on_write(register_offset(address), std::as_bytes(std::span(&value, 1)));
}

std::uint64_t memory::hosted_ram_base = 0;

void* heap::allocate(std::size_t size_bytes) { return current->allocate(size_bytes); }
void heap::release(void* block, std::size_t size_bytes) { current->release(block, size_bytes); }
void fill_random(std::span<std::byte> to) { std::ranges::fill(to, std::byte{7}); }
void log_line(std::string_view) {}
void panic(std::string_view what, CodePlace) { throw std::logic_error(std::string(what)); }
std::uint32_t thread::vcpu_count() { return 2; }
std::uint32_t thread::vcpu_index() { return 0; }
void thread::ring_postponed() {}

}  // namespace husk
