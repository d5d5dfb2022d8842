// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/user_pages.hpp"

#include <algorithm>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/space.hpp"

namespace husk::memory {

HeldPages::~HeldPages() {
    for (std::size_t i = 0; i < count_; ++i) {
        if (!has_reference_[i]) continue;
        release_frames({abi::align_down(parts_[i].begin.value, abi::page_size)}, 0);
    }
    for (std::size_t i = 0; i < block_count_; ++i) release_hold(blocks_[i]);
}

// Takes what the page tables have at `va` now, if that is what is wanted.
bool HeldPages::try_hold(std::uint64_t va, std::uint64_t size_bytes, bool for_write) {
    Operation operation;
    auto [entry, level] = space.tables().lookup(va);
    if (!is_present(entry) || level > 2) return false;
    if (for_write && (entry & abi::pte::writable) == 0) return false;
    std::uint64_t span = PageTables::span_of(level);
    std::uint64_t offset = va % span;
    bool is_owned = (entry & page_bit::owned) != 0;  // the image's own frames stay without
    has_reference_[count_] = is_owned && level == 1;
    if (has_reference_[count_]) retain_frames(frame_behind(entry));
    if (is_owned && level == 2) hold_block(blocks_[block_count_++], frame_behind(entry), large_order);
    parts_[count_++] = {frame_behind(entry) + offset, std::min(size_bytes, span - offset)};
    return true;
}

Result<std::uint64_t> HeldPages::add(std::uint64_t address, std::uint64_t size_bytes, bool for_write) {
    std::uint64_t done = 0;
    while (done < size_bytes && count_ < max_parts && block_count_ < max_blocks) {
        std::uint64_t va = address + done;
        if (va + 1 < va || !is_application_range(va, va + 1)) break;
        if (try_hold(va, size_bytes - done, for_write)) {
            done += parts_[count_ - 1].size_bytes;
            continue;
        }
        if (handle_fault(va, {.write = for_write, .execute = false}) != FaultAnswer::resolved) break;
    }
    bool is_full = count_ == max_parts || block_count_ == max_blocks;
    return done == 0 && !is_full && size_bytes != 0 ? Result<std::uint64_t>(Errno::efault) : done;
}

}  // namespace husk::memory
