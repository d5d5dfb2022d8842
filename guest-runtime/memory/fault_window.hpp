// SPDX-License-Identifier: Apache-2.0
// How much a fault in a range of small pages attaches at once.
#pragma once

#include <cstdint>

#include "guest-runtime/memory/mapping.hpp"

namespace husk::memory {

inline constexpr std::uint64_t eager_bytes = 256 << 10;  // ranges up to this size are attached when mapped
inline constexpr std::uint64_t fault_window_bytes =
    64 << 10;  // attached around a fault, more where faults follow each other
inline constexpr std::uint64_t stack_top_bytes = 16 << 10;  // attached before a new thread's first push

constexpr std::uint64_t end_of_slot(std::uint64_t va) {
    return abi::align_down(va, abi::large_page_size) + abi::large_page_size;
}

// Contains the page at `va`; inside `mapping`, and inside one page table. A fault right behind the last window of the
// same vCPU doubles it.
struct Window {
    std::uint64_t begin, end;
};
Window fault_window(const Mapping& mapping, std::uint64_t va);
// The part of [begin, end) that is attached when it becomes writable; empty when that waits for faults.
Window eager_window(const Mapping& mapping, std::uint64_t begin, std::uint64_t end);

}  // namespace husk::memory
