// SPDX-License-Identifier: Apache-2.0
// Puts zeroed frames behind pages of anonymous ranges: how many at once, and how large.
#pragma once

#include <cstdint>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

inline constexpr std::uint64_t eager_bytes = 256 << 10;  // ranges up to this size are attached when mapped
inline constexpr std::uint64_t fault_window_bytes =
    64 << 10;  // attached around a fault, more where faults follow each other
inline constexpr std::uint64_t stack_top_bytes = 16 << 10;  // attached before a new thread's first push

// All inside `mapping`, which is anonymous and accessible, with the address space's lock held. Pages that have a frame
// keep it. ENOMEM may leave some attached.
Result<> attach_pages(Mapping& mapping, std::uint64_t begin, std::uint64_t end);
// The same in large pages where they fit.
Result<> attach_all(Mapping& mapping, std::uint64_t begin, std::uint64_t end);
// What a fault at `va` gets: its large page, else a window around it.
Result<> attach_around(Mapping& mapping, std::uint64_t va);
// What a range gets in advance when [begin, end) has become writable.
void attach_eagerly(Mapping& mapping, std::uint64_t begin, std::uint64_t end);
// A frame for one page of `mapping`.
Result<abi::GuestPhys> allocate_page(const Mapping& mapping, Contents contents);
void release_page(const Mapping& mapping, abi::GuestPhys page);

}  // namespace husk::memory
