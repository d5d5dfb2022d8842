// SPDX-License-Identifier: Apache-2.0
// A page cache whose file becomes shorter, or gets a hole.
#include <cstring>

#include "guest-runtime/fs/page_barrier.hpp"
#include "guest-runtime/fs/page_cache.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::fs {

using abi::page_size;

// Zeroes [begin, end), which lies in one page, in the cache and, where the disk holds something, later there.
Result<> PageCache::zero_part(std::uint64_t begin, std::uint64_t end) {
    if (begin == end) return {};
    std::uint64_t index = begin / page_size;
    std::uint64_t block = abi::align_down(begin, map_.block_bytes());
    // A page that is there may be on its way to blocks that are a hole until it has been written. It is looked for
    // first: once it has been written, it may go. Over a real hole it becomes dirty for nothing.
    bool is_hole = !is_resident(index);
    for (std::uint64_t at = block; at < end && is_hole;) {
        BlockRun run = HUSK_TRY(map_.find(at, abi::align_up(end, map_.block_bytes()) - at));
        is_hole = !run.device_offset;
        at += run.size_bytes;
    }
    if (is_hole) return {};
    abi::GuestPhys frame = HUSK_TRY(page_for_write(index));
    std::memset(memory::frame_pointer<std::byte>(frame) + begin % page_size, 0, end - begin);
    memory::release_frames(frame, 0);
    on_written(begin, end);
    return {};
}

void PageCache::drop_pages(std::uint64_t first, std::uint64_t last) {
    for (;;) {
        Guard guard(lock_);
        if (!has_transfer_in(first, last)) {
            remove_pages(first, last);
            return;
        }
        guard.unlock();
        wait_for_transfers(first, last);
    }
}

void PageCache::wait_for_transfers(std::uint64_t first, std::uint64_t last) {
    thread::wait_uninterruptibly(changes_, [&] {
        Guard guard(lock_);
        return !has_transfer_in(first, last);
    });
}

std::uint64_t PageCache::wait_for_barrier(std::uint64_t index) {
    std::uint64_t count = 0;
    thread::wait_uninterruptibly(changes_, [&] {
        Guard guard(lock_);
        count = barriers_;
        return !is_barred(index);
    });
    return count;
}

std::uint64_t PageCache::barrier_count() {
    Guard guard(lock_);
    return barriers_;
}

// A page that stays may lose blocks: the barrier is for it as well.
Result<> PageCache::resize(std::uint64_t size_bytes, PageBarrier& barrier) {
    std::uint64_t kept_end = abi::align_up(size_bytes, page_size);
    // Once before, since zeroing may need memory.
    drop_pages(kept_end / page_size, UINT64_MAX);
    auto zeroed = zero_part(size_bytes, kept_end);
    barrier.close(abi::align_up(size_bytes, map_.block_bytes()) / page_size, UINT64_MAX);
    drop_pages(kept_end / page_size, UINT64_MAX);
    update_keep();
    return zeroed;
}

Result<> PageCache::drop_range(std::uint64_t begin, std::uint64_t end, PageBarrier& barrier) {
    if (begin >= end) return {};
    std::uint64_t first_whole = abi::align_up(begin, page_size);
    std::uint64_t last_whole = abi::align_down(end, page_size);
    if (first_whole > last_whole) {
        HUSK_TRY(zero_part(begin, end));
    } else {
        HUSK_TRY(zero_part(begin, first_whole));
        HUSK_TRY(zero_part(last_whole, end));
    }
    std::uint64_t first_block = abi::align_up(begin, map_.block_bytes());
    std::uint64_t block_end = abi::align_down(end, map_.block_bytes());
    if (first_block < block_end) barrier.close(first_block / page_size, (block_end - 1) / page_size);
    if (first_whole < last_whole) drop_pages(first_whole / page_size, last_whole / page_size - 1);
    update_keep();
    return {};
}

}  // namespace husk::fs
