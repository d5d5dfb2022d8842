// SPDX-License-Identifier: Apache-2.0
// A regular file's size and blocks, as truncate, fallocate and lseek ask for them.
#include <algorithm>

#include "guest-runtime/fs/ext4/ext4.hpp"
#include "guest-runtime/fs/ext4/regular_node.hpp"
#include "guest-runtime/fs/page_barrier.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::uint32_t change_credits = Node::free_credits + OrphanList::credits;

}  // namespace

Result<> RegularNode::set_size(journal::Handle& handle, std::uint64_t size_bytes) {
    touch(true);
    update([&](InodeRecord& record) { record.size_bytes = disk_size_ = size_bytes; });
    note_needed(handle);
    return store(handle);
}

Result<> RegularNode::resize(std::uint64_t size_bytes) {
    if (size_bytes > most_bytes()) return Errno::efbig;
    HUSK_TRY(check_is_mapped());
    std::uint64_t old_size = this->size_bytes();
    if (size_bytes < old_size) return shrink(size_bytes);
    journal::Handle handle = HUSK_TRY(volume().begin(credits));
    return set_size(handle, size_bytes);
}

Result<> RegularNode::shrink(std::uint64_t size_bytes) {
    std::uint64_t first_gone = (size_bytes + block_bytes() - 1) / block_bytes();
    // In memory first: a page read from now on ends there.
    update([&](InodeRecord& record) {
        record.size_bytes = size_bytes;
        early_ = {UINT64_MAX, 0};
    });
    PageBarrier barrier(pages_);
    Result<> zeroed = pages_.resize(size_bytes, barrier);
    {
        Guard guard(map_lock());
        break_promises(first_gone, UINT64_MAX);
    }
    bool done = false;
    {
        journal::Handle handle = HUSK_TRY(volume().begin(change_credits));
        HUSK_TRY(set_size(handle, size_bytes));
        done = HUSK_TRY(free_some_blocks(handle, first_gone, UINT64_MAX));
        if (!done) HUSK_TRY(ext4().orphans().add(handle, *this));
    }
    if (!done) {
        HUSK_TRY(free_blocks_from(first_gone));
        journal::Handle handle = HUSK_TRY(volume().begin(OrphanList::credits));
        HUSK_TRY(ext4().orphans().remove(handle, *this));
    }
    return zeroed;
}

Result<> RegularNode::punch_hole(std::uint64_t offset, std::uint64_t size_bytes) {
    HUSK_TRY(check_is_mapped());
    std::uint64_t end = std::min(offset + size_bytes, std::max(offset, most_bytes()));
    PageBarrier barrier(pages_);
    HUSK_TRY(pages_.drop_range(offset, end, barrier));
    std::uint64_t first = (offset + block_bytes() - 1) / block_bytes();
    std::uint64_t behind = end / block_bytes();
    if (first < behind) {
        Guard guard(map_lock());
        break_promises(first, behind);
    }
    touch(true);
    // Dropped pages are not written back any more, which would have brought the size to the disk.
    update([&](InodeRecord& record) { disk_size_ = record.size_bytes; });
    return volume().with_room([&]() -> Result<> {
        for (bool done = false; !done;) {
            journal::Handle handle = HUSK_TRY(volume().begin(free_credits));
            done = HUSK_TRY(free_some_blocks(handle, first, behind));
        }
        return {};
    });
}

Result<> RegularNode::allocate(std::uint64_t offset, std::uint64_t size_bytes, bool keep_size) {
    std::uint64_t end = offset + size_bytes;
    if (end > most_bytes()) return Errno::efbig;
    HUSK_TRY(check_is_mapped());
    BlockSpan span = blocks_of(offset, size_bytes);
    for (std::uint64_t at = span.first; at < span.end;) {
        at += HUSK_TRY(volume().with_room([&]() -> Result<std::uint64_t> {
            journal::Handle handle = HUSK_TRY(volume().begin(fill_credits));
            Guard guard(map_lock());
            Mapping mapping = HUSK_TRY(find_mapping(at));
            std::uint64_t most = std::min<std::uint64_t>(span.end - at, mapping.count);
            if (mapping.kind != Mapping::Kind::hole) return most;
            // Blocks that pages in the cache wait for keep their promise and are placed with them.
            BlockRun run = HUSK_TRY(fill_hole(handle, at, most));
            note_needed(handle);
            return run.size_bytes / block_bytes();
        }));
    }
    if (keep_size || end <= this->size_bytes()) return {};
    journal::Handle handle = HUSK_TRY(volume().begin(credits));
    return set_size(handle, end);
}

Result<std::uint64_t> RegularNode::seek_data(std::uint64_t offset, bool hole) {
    std::uint64_t size = size_bytes();
    if (offset >= size) return Errno::enxio;
    // Afterwards the extents tell all: nothing is in the cache only.
    if (pages_.is_dirty()) HUSK_TRY(pages_.write_back(0, UINT64_MAX));
    unsigned bits = volume().superblock().block_bits;
    std::uint64_t end = (size + block_bytes() - 1) >> bits;
    for (std::uint64_t at = offset >> bits; at < end;) {
        Mapping mapping = HUSK_TRY(map(at));
        bool is_data = mapping.kind == Mapping::Kind::written;
        if (is_data != hole) return std::clamp(at << bits, offset, size);
        at += mapping.count;
    }
    return hole ? Result<std::uint64_t>(size) : Errno::enxio;
}

}  // namespace husk::fs::ext4
