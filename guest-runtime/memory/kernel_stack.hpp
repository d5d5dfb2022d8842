// SPDX-License-Identifier: Apache-2.0
// Stacks of the runtime's threads, each with an unmapped guard below, kept for reuse when released.
#pragma once

#include <cstdint>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/base/result.hpp"

namespace husk::memory {

using abi::kernel_stack_bytes;
inline constexpr std::uint64_t kernel_stack_stride_bytes = 20 << 10;  // the lowest page is the guard
inline constexpr std::uint64_t kernel_stack_region_begin = abi::kernel_stack_region;
inline constexpr std::uint64_t kernel_stack_region_end = 0x3000'4000'0000;

// Starts with the stacks that the page tables hold already: a launcher may map the first ones.
void initialise_kernel_stacks();
// Returns the end of a stack, page-aligned. The contents are undefined.
Result<std::uint64_t> allocate_kernel_stack();
// It may be handed out again at once: the last code on it must not return to it.
void release_kernel_stack(std::uint64_t top);

// Stack `number` has its guard at kernel_stack_begin(number); stacks do not cross a page table.
inline constexpr std::uint64_t kernel_stacks_per_table = abi::large_page_size / kernel_stack_stride_bytes;
constexpr std::uint64_t kernel_stack_begin(std::uint64_t number) {
    return kernel_stack_region_begin + number / kernel_stacks_per_table * abi::large_page_size +
           number % kernel_stacks_per_table * kernel_stack_stride_bytes;
}
constexpr bool is_kernel_stack_guard(std::uint64_t address) {
    return address >= kernel_stack_region_begin && address < kernel_stack_region_end &&
           address % abi::large_page_size % kernel_stack_stride_bytes < kernel_stack_stride_bytes - kernel_stack_bytes;
}

}  // namespace husk::memory
