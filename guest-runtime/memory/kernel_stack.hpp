// SPDX-License-Identifier: Apache-2.0
// Stacks of the runtime's threads, each with an unmapped guard below, kept for reuse when released.
#pragma once

#include <cstdint>

#include "guest-runtime/base/result.hpp"

namespace husk::memory {

inline constexpr std::uint64_t kernel_stack_bytes = 16 << 10;
inline constexpr std::uint64_t kernel_stack_stride_bytes = 32 << 10;  // the lower half is the guard
inline constexpr std::uint64_t kernel_stack_region_begin = 0x3000'0000'0000;
inline constexpr std::uint64_t kernel_stack_region_end = 0x3000'4000'0000;

// Forgets all stacks; page tables are new.
void initialise_kernel_stacks();
// Returns the end of a stack, a multiple of kernel_stack_stride_bytes. The contents are undefined.
Result<std::uint64_t> allocate_kernel_stack();
// It may be handed out again at once: the last code on it must not return to it.
void release_kernel_stack(std::uint64_t top);

constexpr bool is_kernel_stack_guard(std::uint64_t address) {
    return address >= kernel_stack_region_begin && address < kernel_stack_region_end &&
           address % kernel_stack_stride_bytes < kernel_stack_stride_bytes - kernel_stack_bytes;
}

}  // namespace husk::memory
