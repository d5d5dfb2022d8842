// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/vector_state.hpp"

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/string.hpp"

namespace husk::thread {

namespace {

constexpr std::size_t legacy_and_header_bytes = 576;
constinit std::size_t area_bytes = legacy_and_header_bytes;
constinit std::uint64_t components = 3;

// The heap aligns to 16: an area is over-allocated, and the byte offset to the block's start is kept in front of it.
constexpr std::size_t alignment = 64;
struct Prefix {
    void* block;
};

}  // namespace

void initialise_vector_state(std::size_t xsave_size_bytes, std::uint64_t xcr0) {
    area_bytes = xsave_size_bytes < legacy_and_header_bytes ? legacy_and_header_bytes : xsave_size_bytes;
    components = xcr0 & arch::vector_state_mask;
}

std::size_t vector_area_bytes() { return area_bytes; }
std::uint64_t vector_components() { return components; }

void* allocate_vector_area() {
    auto* block = static_cast<std::byte*>(heap::allocate(area_bytes + alignment));
    if (block == nullptr) return nullptr;
    // SAFETY: the heap aligns to 16, so at least 16 of the 64 extra bytes lie in front of the area and hold the prefix.
    auto address = reinterpret_cast<std::uint64_t>(block);
    std::byte* area = block + (abi::align_up(address + sizeof(Prefix), alignment) - address);
    memset(area, 0, area_bytes);
    // `xrstor` takes MXCSR from memory even for components in their initial state: all exceptions masked [sdm1 13.8.1].
    constexpr std::size_t mxcsr_offset = 24;
    constexpr std::uint32_t initial_mxcsr = 0x1f80;
    memcpy(area + mxcsr_offset, &initial_mxcsr, sizeof initial_mxcsr);
    // SAFETY: see above.
    reinterpret_cast<Prefix*>(area)[-1].block = block;
    return area;
}

void release_vector_area(void* area) {
    // SAFETY: allocate_vector_area() put the prefix there.
    heap::release(reinterpret_cast<Prefix*>(area)[-1].block, area_bytes + alignment);
}

}  // namespace husk::thread
