// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/kernel_stack.hpp"

#include <algorithm>

#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/memory/bit_tree.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

// One call of the gate maps a batch. Each entry costs about 1 us where ring 0 is emulated, a call 10 us: so not many,
// and for the first thread just one.
constexpr std::uint64_t batch_stacks = 4;
constexpr std::uint64_t stride_pages = kernel_stack_stride_bytes / abi::page_size;
constexpr std::uint64_t stack_pages = kernel_stack_bytes / abi::page_size;
constexpr unsigned stack_order = 2;
static_assert(stack_pages == 1u << stack_order && stride_pages == stack_pages + 1);

constexpr std::uint64_t most_stacks =
    (kernel_stack_region_end - kernel_stack_region_begin) / abi::large_page_size * kernel_stacks_per_table;

// All under the address space's lock. Free stacks by number: nothing is written into the stacks themselves.
constinit std::uint64_t free_words[BitTree::words_needed(most_stacks)] = {};
constinit BitTree free_stacks(free_words, most_stacks);
constinit std::uint64_t mapped_stacks = 0;

constexpr std::uint64_t top_of(std::uint64_t number) { return kernel_stack_begin(number) + kernel_stack_stride_bytes; }
constexpr std::uint64_t number_of(std::uint64_t top) {
    std::uint64_t offset = top - kernel_stack_stride_bytes - kernel_stack_region_begin;
    return offset / abi::large_page_size * kernel_stacks_per_table +
           offset % abi::large_page_size / kernel_stack_stride_bytes;
}

// Maps the next stacks of the region: as many as there are frames, at most a batch.
Result<> map_batch() {
    HUSK_TRY(space.tables().ensure_tables());
    std::uint64_t wanted = mapped_stacks == 0 ? 1 : batch_stacks;
    wanted = std::min(
        {wanted, kernel_stacks_per_table - mapped_stacks % kernel_stacks_per_table, most_stacks - mapped_stacks});
    std::uint64_t entries[batch_stacks * stride_pages] = {};
    std::uint64_t count = 0;
    for (; count < wanted; ++count) {
        auto block = allocate_frames(stack_order, Contents::any, Claim::runtime);
        if (!block.ok()) break;
        for (std::uint64_t i = 0; i < stack_pages; ++i) {
            entries[count * stride_pages + 1 + i] =
                page_entry(block.value() + i * abi::page_size, 0, protection::read | protection::write);
        }
    }
    if (count == 0) return Errno::enomem;
    // The first guard needs no entry.
    std::uint64_t first = kernel_stack_begin(mapped_stacks) + abi::page_size;
    auto mapped = space.tables().map_pages(first, {entries + 1, count * stride_pages - 1}, arch::Flush::none);
    if (!mapped.ok()) {
        for (std::uint64_t i = 0; i < count; ++i) {
            release_frames(frame_behind(entries[i * stride_pages + 1]), stack_order);
        }
        return mapped;
    }
    for (; count > 0; --count) free_stacks.insert(mapped_stacks++);
    return {};
}

}  // namespace

void initialise_kernel_stacks() {
    Operation operation;
    for (std::uint64_t& word : free_words) word = 0;
    mapped_stacks = 0;
    while (mapped_stacks < most_stacks && space.tables().lookup(top_of(mapped_stacks) - 1).entry != 0) {
        free_stacks.insert(mapped_stacks++);
    }
}

Result<std::uint64_t> allocate_kernel_stack() {
    Operation operation;
    if (free_stacks.lowest() == BitTree::none) HUSK_TRY(map_batch());
    std::uint64_t number = free_stacks.lowest();
    free_stacks.erase(number);
    return top_of(number);
}

void release_kernel_stack(std::uint64_t top) {
    Operation operation;
    check(!free_stacks.contains(number_of(top)), "kernel stack released twice");
    free_stacks.insert(number_of(top));
}

}  // namespace husk::memory
