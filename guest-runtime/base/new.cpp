// SPDX-License-Identifier: Apache-2.0
// C++'s own names for the heap. Only the forms that report failure as nullptr exist.
#include <cstddef>
#include <cstdint>
#include <new>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"

const std::nothrow_t std::nothrow{};

namespace {

// `delete[]` of trivial elements does not know their size, so arrays carry it in front of themselves.
constexpr std::size_t array_head_bytes = 16;
constexpr std::size_t page_bytes = 4096;

// The heap aligns to 16, and whole pages to their size.
constexpr std::size_t bytes_for_alignment(std::size_t size_bytes, std::align_val_t alignment) {
    return static_cast<std::size_t>(alignment) > 16 && size_bytes < page_bytes ? page_bytes : size_bytes;
}

void release_array(void* array) {
    if (array == nullptr) return;
    void* block = static_cast<char*>(array) - array_head_bytes;
    husk::heap::release(block, *static_cast<std::size_t*>(block));
}

}  // namespace

void* operator new(std::size_t size_bytes, const std::nothrow_t&) noexcept { return husk::heap::allocate(size_bytes); }
void* operator new(std::size_t size_bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
    return husk::heap::allocate(bytes_for_alignment(size_bytes, alignment));
}
void* operator new[](std::size_t size_bytes, const std::nothrow_t&) noexcept {
    std::size_t total = 0;
    if (__builtin_add_overflow(size_bytes, array_head_bytes, &total)) return nullptr;
    void* block = husk::heap::allocate(total);
    if (block == nullptr) return nullptr;
    *static_cast<std::size_t*>(block) = total;
    return static_cast<char*>(block) + array_head_bytes;
}

void operator delete(void* object, std::size_t size_bytes) noexcept { husk::heap::release(object, size_bytes); }
void operator delete(void* object, std::size_t size_bytes, std::align_val_t alignment) noexcept {
    husk::heap::release(object, bytes_for_alignment(size_bytes, alignment));
}
void operator delete[](void* array) noexcept { release_array(array); }
void operator delete[](void* array, std::size_t) noexcept { release_array(array); }

// The compiler names these, but no correct code reaches them: every complete type is deleted with its size.
void operator delete(void* object) noexcept { husk::check(object == nullptr, "delete without a size"); }
void operator delete(void* object, const std::nothrow_t&) noexcept {
    husk::check(object == nullptr, "delete without a size");
}
void operator delete[](void* array, const std::nothrow_t&) noexcept { release_array(array); }
