// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/driver_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/mmio.hpp"
#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/random.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/scheduler.hpp"

namespace husk {

namespace fuzz {

namespace {

std::map<std::uintptr_t, std::size_t> blocks;

std::uint64_t offset_of(std::uint64_t address) { return address - abi::physmap_base - abi::device_registers_base; }

}  // namespace

HostileDevice* attached_device = nullptr;

void demand(bool holds) {
    if (!holds) std::abort();
}

std::uintptr_t address_of(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

bool is_allocated(std::uintptr_t begin, std::size_t size_bytes) {
    auto behind = blocks.upper_bound(begin);
    if (behind == blocks.begin()) return false;
    const auto& [block, block_bytes] = *std::prev(behind);
    return begin + size_bytes <= block + block_bytes;
}

void free_driver_memory() {
    for (const auto& [address, size_bytes] : std::exchange(blocks, {})) std::free(reinterpret_cast<void*>(address));
}

}  // namespace fuzz

using fuzz::attached_device;

std::uint8_t arch::read_mmio8(std::uint64_t address) {
    return static_cast<std::uint8_t>(attached_device->read(fuzz::offset_of(address), 1));
}
std::uint16_t arch::read_mmio16(std::uint64_t address) {
    return static_cast<std::uint16_t>(attached_device->read(fuzz::offset_of(address), 2));
}
std::uint32_t arch::read_mmio32(std::uint64_t address) { return attached_device->read(fuzz::offset_of(address), 4); }
void arch::write_mmio32(std::uint64_t address, std::uint32_t value) {
    attached_device->write(fuzz::offset_of(address), value);
}

std::uint64_t memory::hosted_ram_base = 0;

void* heap::allocate(std::size_t size_bytes) {
    void* block = std::aligned_alloc(64, abi::align_up(size_bytes, 64));
    std::memset(block, 0xa5, size_bytes);
    fuzz::blocks[fuzz::address_of(block)] = size_bytes;
    return block;
}
void heap::release(void* block, std::size_t size_bytes) {
    const auto found = fuzz::blocks.find(fuzz::address_of(block));
    fuzz::demand(found != fuzz::blocks.end() && found->second == size_bytes);
    fuzz::blocks.erase(found);
    std::free(block);
}

void fill_random(std::span<std::byte> to) { std::ranges::fill(to, std::byte{7}); }
void log_line(std::string_view) {}
void panic(std::string_view, CodePlace) { throw fuzz::Panic(); }
std::uint32_t thread::vcpu_count() { return 4; }
std::uint32_t thread::vcpu_index() { return 3; }
void thread::ring_postponed() {}

}  // namespace husk

extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }  // a device lives as long as its VM
