// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/initialise.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>

#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/kernel_stack.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

namespace {

bool is_mapped_to_itself(std::uint64_t va) {
    std::uint64_t entry = space.tables().lookup(va).entry;
    return entry != 0 && !is_large(entry) && frame_behind(entry).value == va;
}

}  // namespace

void initialise(const abi::BootInfo& boot) {
    // The root comes first: free frames that are mapped already show in the page tables.
    space.initialise(boot);
    std::array<abi::PhysRange, std::extent_v<decltype(abi::BootInfo::free_ranges)>> ranges = {};
    std::size_t count = std::min<std::size_t>(boot.free_range_count, ranges.size());
    std::copy_n(boot.free_ranges, count, ranges.begin());
    // A launcher may map the pages behind the image for the break to begin with, gpa equal to virtual address.
    abi::PhysRange& best = ranges[0];
    while (best.begin < best.end && is_mapped_to_itself(best.begin)) best.begin += abi::page_size;

    bool ram_is_zero = (boot.flags & abi::boot_flag::ram_is_zero) != 0;
    initialise_frames({ranges.data(), count}, ram_is_zero);
    initialise_kernel_stacks();
}

}  // namespace husk::memory
