// SPDX-License-Identifier: Apache-2.0
// Puts zeroed frames behind pages of anonymous ranges: how many at once, and how large.
#pragma once

#include <cstdint>
#include <span>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/fault_window.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

inline constexpr std::uint64_t run_pages = eager_bytes / abi::page_size;  // one call of the gate

// All inside `mapping`, which is anonymous and accessible, with the address space's lock held alone. Pages that have a
// frame keep it. ENOMEM may leave some attached.
Result<> attach_pages(Mapping& mapping, std::uint64_t begin, std::uint64_t end);
// The same in large pages where they fit.
Result<> attach_all(Mapping& mapping, std::uint64_t begin, std::uint64_t end);
// What a fault at `va` gets: its large page, else a window around it.
Result<> attach_around(Mapping& mapping, std::uint64_t va);

// The steps of that, for which the lock may be held together with others.
// Entries for as many pages as there are frames, in blocks as large as there are; returns how many.
std::size_t allocate_run(const Mapping& mapping, std::span<std::uint64_t> entries);
// Whether the range allows for a large page around `va`.
[[nodiscard]] bool may_be_large(const Mapping& mapping, std::uint64_t va);
Result<abi::GuestPhys> allocate_large(const Mapping& mapping);
// A frame for one page of `mapping`.
Result<abi::GuestPhys> allocate_page(const Mapping& mapping, Contents contents);
void release_page(const Mapping& mapping, abi::GuestPhys page);

}  // namespace husk::memory
