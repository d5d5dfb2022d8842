// SPDX-License-Identifier: Apache-2.0
// Guest-physical memory in blocks of 2^order pages, with a reference count for each block handed out.
#pragma once

#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/result.hpp"

namespace husk::memory {

inline constexpr unsigned large_order = 9;  // 2 MiB
inline constexpr unsigned max_order = 18;   // 1 GiB

enum class Contents { any, zero };

// One block, aligned to its size, with one reference. ENOMEM when no block of that order is free.
Result<abi::GuestPhys> allocate_frames(unsigned order, Contents contents);
void retain_frames(abi::GuestPhys block);
// The last release frees the block. `order` as allocated.
void release_frames(abi::GuestPhys block, unsigned order);
[[nodiscard]] std::uint32_t frame_references(abi::GuestPhys block);

struct FrameCounts {
    std::uint64_t total;  // frames
    std::uint64_t free;
};
[[nodiscard]] FrameCounts frame_counts();

// Where the runtime reads and writes a frame.
template <class T = void>
T* frame_pointer(abi::GuestPhys gpa);

}  // namespace husk::memory

#include <husk/abi/memory_layout.hpp>

template <class T>
T* husk::memory::frame_pointer(abi::GuestPhys gpa) {
    // SAFETY: every frame is mapped read-write in the physmap for the life of the VM; the caller owns a reference.
    return reinterpret_cast<T*>(abi::physmap(gpa).value);
}
