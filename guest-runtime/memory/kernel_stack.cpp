// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/kernel_stack.hpp"

#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/memory/bit_tree.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

constexpr std::uint64_t batch_stacks = 16;  // mapped by one call of the gate
constexpr std::uint64_t stride_pages = kernel_stack_stride_bytes / abi::page_size;
constexpr std::uint64_t stack_pages = kernel_stack_bytes / abi::page_size;
constexpr unsigned stack_order = 2;
static_assert(stack_pages == 1u << stack_order);

constexpr std::uint64_t most_stacks = (kernel_stack_region_end - kernel_stack_region_begin) / kernel_stack_stride_bytes;

// All under the address space's lock. Free stacks by number: nothing is written into the stacks themselves.
constinit std::uint64_t free_words[BitTree::words_needed(most_stacks)] = {};
constinit BitTree free_stacks(free_words, most_stacks);
constinit std::uint64_t next_begin = kernel_stack_region_begin;

constexpr std::uint64_t number_of(std::uint64_t top) {
    return (top - kernel_stack_region_begin) / kernel_stack_stride_bytes - 1;
}

// Maps the next stacks of the region: as many as there are frames, at most a batch.
Result<> map_batch() {
    if (next_begin == kernel_stack_region_end) return Errno::enomem;
    HUSK_TRY(space.tables().ensure_tables());
    std::uint64_t entries[batch_stacks * stride_pages] = {};
    std::uint64_t stacks = 0;
    for (; stacks < batch_stacks; ++stacks) {
        auto block = allocate_frames(stack_order, Contents::any, Claim::runtime);
        if (!block.ok()) break;
        std::uint64_t* place = entries + (stacks + 1) * stride_pages - stack_pages;
        for (std::uint64_t i = 0; i < stack_pages; ++i) {
            place[i] = page_entry(block.value() + i * abi::page_size, 0, protection::read | protection::write);
        }
    }
    if (stacks == 0) return Errno::enomem;
    auto mapped = space.tables().map_pages(next_begin, {entries, stacks * stride_pages}, arch::Flush::none);
    for (std::uint64_t i = 0; i < stacks; ++i) {
        abi::GuestPhys block = frame_behind(entries[(i + 1) * stride_pages - stack_pages]);
        if (mapped.ok()) {
            free_stacks.insert(number_of(next_begin + (i + 1) * kernel_stack_stride_bytes));
        } else {
            release_frames(block, stack_order);
        }
    }
    if (!mapped.ok()) return mapped;
    // A short batch leaves the rest of its place unused, so that batches do not cross page tables.
    next_begin += batch_stacks * kernel_stack_stride_bytes;
    return {};
}

}  // namespace

void initialise_kernel_stacks() {
    Operation operation;
    for (std::uint64_t& word : free_words) word = 0;
    next_begin = kernel_stack_region_begin;
}

Result<std::uint64_t> allocate_kernel_stack() {
    Operation operation;
    if (free_stacks.lowest() == BitTree::none) HUSK_TRY(map_batch());
    std::uint64_t number = free_stacks.lowest();
    free_stacks.erase(number);
    return kernel_stack_region_begin + (number + 1) * kernel_stack_stride_bytes;
}

void release_kernel_stack(std::uint64_t top) {
    Operation operation;
    check(!free_stacks.contains(number_of(top)), "kernel stack released twice");
    free_stacks.insert(number_of(top));
}

}  // namespace husk::memory
