// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/block_allocator.hpp"

#include <algorithm>
#include <new>

#include "guest-runtime/fs/ext4/bitmap.hpp"

namespace husk::fs::ext4 {

struct BlockAllocator::PendingRelease final : journal::CommitHook, ListNode<PendingTag> {
    PendingRelease(BlockAllocator& owner, BlockRange freed) : allocator(owner), range(freed) {}
    // After an abort nothing is allocated any more.
    void on_end(bool) override {
        {
            Guard guard(allocator.groups_.lock());
            ListNode<PendingTag>::unlink();
            allocator.pending_blocks_.fetch_sub(range.count, std::memory_order_relaxed);
        }
        delete this;
    }
    BlockAllocator& allocator;
    BlockRange range;
};

std::uint64_t BlockAllocator::margin() const { return std::min<std::uint64_t>(superblock_.blocks / 50, 4096); }

std::uint64_t BlockAllocator::available() const {
    std::uint64_t free = groups_.free_blocks();
    std::uint64_t pending = pending_blocks_.load(std::memory_order_relaxed);
    return free > pending ? free - pending : 0;
}

std::uint64_t BlockAllocator::unpromised() const {
    std::uint64_t free = available();
    std::uint64_t reserved = reserved_.load(std::memory_order_relaxed);
    return free > reserved ? free - reserved : 0;
}

Result<> BlockAllocator::reserve(std::uint64_t blocks) {
    std::uint64_t reserved = reserved_.fetch_add(blocks, std::memory_order_acquire) + blocks;
    if (reserved + margin() <= available()) return {};
    unreserve(blocks);
    return Errno::enospc;
}

// What was taken instead is no longer free for the next reserve().
void BlockAllocator::unreserve(std::uint64_t blocks) { reserved_.fetch_sub(blocks, std::memory_order_release); }

// What a group's bitmap says before it was first written.
void BlockAllocator::build_bitmap(std::uint32_t group, Bytes bitmap) const {
    std::memset(bitmap.data(), 0, bitmap.size());
    std::uint32_t blocks = superblock_.blocks_in_group(group);
    std::uint64_t start = superblock_.group_start(group);
    if (superblock_.has_backup(group)) {
        std::uint32_t taken = 1 + superblock_.descriptor_blocks() + superblock_.reserved_descriptor_blocks;
        set_bits(bitmap, 0, std::min(taken, blocks));
    }
    auto take = [&](std::uint64_t first, std::uint32_t count) {
        for (std::uint32_t i = 0; i < count; ++i) {
            std::uint64_t block = first + i;
            if (block >= start && block - start < blocks)
                set_bits(bitmap, static_cast<std::uint32_t>(block - start), 1);
        }
    };
    const GroupDescriptor& descriptor = groups_.at(group);
    take(descriptor.block_bitmap, 1);
    take(descriptor.inode_bitmap, 1);
    take(descriptor.inode_table, superblock_.inode_table_blocks());
    // What lies behind the end of the last group, or of all groups, is not there.
    auto bits = static_cast<std::uint32_t>(bitmap.size() * 8);
    set_bits(bitmap, blocks, bits - blocks);
}

bool BlockAllocator::is_sound(std::uint32_t group, ConstBytes bitmap) const {
    const GroupDescriptor& descriptor = groups_.at(group);
    if (superblock_.has_checksums() && block_bitmap_checksum(bitmap, superblock_) != descriptor.block_bitmap_checksum) {
        return false;
    }
    std::uint32_t blocks = superblock_.blocks_in_group(group);
    if (next_clear_bit(bitmap, blocks, superblock_.blocks_per_group) != superblock_.blocks_per_group) return false;
    return count_clear_bits(bitmap, blocks) == descriptor.free_blocks;
}

Result<block::BufferRef> BlockAllocator::bitmap_of(std::uint32_t group) {
    if (groups_.is_damaged(group)) return Errno::euclean;
    const GroupDescriptor& descriptor = groups_.at(group);
    if ((descriptor.flags & group_flag::block_uninit) != 0) {
        block::BufferRef buffer = HUSK_TRY(cache_.fresh(descriptor.block_bitmap));
        build_bitmap(group, buffer->bytes());
        if (count_clear_bits(buffer->bytes(), superblock_.blocks_in_group(group)) != descriptor.free_blocks) {
            groups_.set_damaged(group);
            return Errno::euclean;
        }
        return buffer;
    }
    block::BufferRef buffer = HUSK_TRY(cache_.get(descriptor.block_bitmap));
    if (!buffer->is_verified()) {
        if (!is_sound(group, buffer->bytes())) {
            groups_.set_damaged(group);
            return Errno::euclean;
        }
        buffer->set_verified();
    }
    return buffer;
}

// After a change of the bits and of the group's counts.
Result<> BlockAllocator::store_bitmap(journal::Handle& handle, std::uint32_t group, block::Buffer& bitmap) {
    bitmap.set_verified();
    GroupDescriptor& descriptor = groups_.at(group);
    descriptor.flags &= static_cast<std::uint16_t>(~group_flag::block_uninit);
    descriptor.block_bitmap_checksum = block_bitmap_checksum(bitmap.bytes(), superblock_);
    return groups_.store(handle, group);
}

Result<> BlockAllocator::initialise_group(journal::Handle& handle, std::uint32_t group) {
    if ((groups_.at(group).flags & group_flag::block_uninit) == 0) return {};
    block::BufferRef bitmap = HUSK_TRY(bitmap_of(group));
    HUSK_TRY(handle.modify(*bitmap));
    return store_bitmap(handle, group, *bitmap);
}

void BlockAllocator::hide_pending(std::uint32_t group, Bytes bitmap) {
    for (PendingRelease& pending : pending_) {
        if (superblock_.group_of_block(pending.range.first) != group) continue;
        set_bits(bitmap, static_cast<std::uint32_t>(pending.range.first - superblock_.group_start(group)),
                 pending.range.count);
    }
}

Result<BlockRange> BlockAllocator::search(std::uint32_t group, std::uint32_t from, std::uint32_t wanted,
                                          std::uint32_t least) {
    if (groups_.is_damaged(group) || groups_.at(group).free_blocks < least) return BlockRange{};
    auto buffer = bitmap_of(group);
    // A damaged group is passed over; the others may have room.
    if (!buffer.ok()) return buffer.error() == Errno::euclean ? Result<BlockRange>(BlockRange{}) : buffer.error();
    Bytes bitmap = buffer.value()->bytes();
    if (!pending_.empty()) {
        if (scratch_.size() == 0) scratch_ = HUSK_TRY(HeapArray<std::byte>::create(superblock_.block_bytes));
        std::memcpy(scratch_.data(), bitmap.data(), bitmap.size());
        bitmap = scratch_.span();
        hide_pending(group, bitmap);
    }
    std::uint32_t blocks = superblock_.blocks_in_group(group);
    BitRun run;
    // Right at the goal even a short run is best: it goes on where the file ends.
    if (from != 0 && !bit_is_set(bitmap, from)) {
        run = {from, next_set_bit(bitmap, from, std::min(blocks, from + wanted)) - from};
    } else {
        run = find_clear_run(bitmap, from, blocks, wanted);
        if (run.count < wanted && from != 0) {
            BitRun before = find_clear_run(bitmap, 0, from, wanted);
            if (before.count > run.count) run = before;
        }
    }
    if (run.count == 0 || run.count < least) return BlockRange{};
    BlockRange found{superblock_.group_start(group) + run.first, run.count};
    if (zone().allows(found.first, found.count)) return found;
    groups_.set_damaged(group);  // its bitmap gives away what is the file system's own
    return BlockRange{};
}

Result<BlockRange> BlockAllocator::take(journal::Handle& handle, const BlockRange& range) {
    std::uint32_t group = superblock_.group_of_block(range.first);
    block::BufferRef bitmap = HUSK_TRY(bitmap_of(group));
    HUSK_TRY(handle.modify(*bitmap));
    set_bits(bitmap->bytes(), static_cast<std::uint32_t>(range.first - superblock_.group_start(group)), range.count);
    groups_.change_free_blocks(group, -static_cast<std::int64_t>(range.count));
    HUSK_TRY(store_bitmap(handle, group, *bitmap));
    return range;
}

Result<BlockRange> BlockAllocator::allocate(journal::Handle& handle, std::uint64_t goal, std::uint32_t wanted,
                                            Claim claim) {
    Guard guard(groups_.lock());
    std::uint64_t reserved = claim == Claim::reserved ? 0 : reserved_.load(std::memory_order_relaxed);
    std::uint64_t most = 0;
    do {
        std::uint64_t kept = reserved + (claim == Claim::ordinary ? margin() : 0);
        std::uint64_t free = available();
        if (free <= kept) return Errno::enospc;
        most = std::min<std::uint64_t>({wanted, free - kept, superblock_.blocks_per_group});
        // reserve() does not wait for the search, and must not promise what it will find.
    } while (claim != Claim::reserved &&
             !reserved_.compare_exchange_weak(reserved, reserved + most, std::memory_order_relaxed));
    auto taken = take_near(handle, goal, static_cast<std::uint32_t>(most));
    if (claim != Claim::reserved) unreserve(most);
    return taken;
}

Result<BlockRange> BlockAllocator::take_near(journal::Handle& handle, std::uint64_t goal, std::uint32_t wanted) {
    if (!superblock_.is_block(goal)) goal = superblock_.first_data_block;
    std::uint32_t first_group = superblock_.group_of_block(goal);
    auto from = static_cast<std::uint32_t>(goal - superblock_.group_start(first_group));
    // First a run as long as wanted, then any.
    for (std::uint32_t least : {wanted, 1u}) {
        for (std::uint32_t i = 0; i < superblock_.group_count; ++i) {
            std::uint32_t group = (first_group + i) % superblock_.group_count;
            bool at_goal = i == 0;
            BlockRange found = HUSK_TRY(search(group, at_goal ? from : 0, wanted, at_goal ? 1 : least));
            bool good = found.count >= least || (at_goal && found.first == goal && found.count != 0);
            if (good) return take(handle, found);
        }
        if (wanted == 1) break;
    }
    return Errno::enospc;
}

Result<> BlockAllocator::release_in_group(journal::Handle& handle, std::uint32_t group, BlockRange range) {
    auto found = bitmap_of(group);
    // What a damaged group held is lost until e2fsck mends it.
    if (!found.ok()) return found.error() == Errno::euclean ? Result<>() : found.error();
    block::BufferRef bitmap = std::move(found).value();
    auto first = static_cast<std::uint32_t>(range.first - superblock_.group_start(group));
    if (next_clear_bit(bitmap->bytes(), first, first + range.count) != first + range.count) return Errno::euclean;
    auto* pending = new (std::nothrow) PendingRelease(*this, range);
    if (pending == nullptr) return Errno::enomem;
    if (auto modified = handle.modify(*bitmap); !modified.ok()) {
        delete pending;
        return modified;
    }
    clear_bits(bitmap->bytes(), first, range.count);
    groups_.change_free_blocks(group, range.count);
    pending_.push_back(*pending);
    pending_blocks_.fetch_add(range.count, std::memory_order_relaxed);
    handle.add_hook(*pending);
    return store_bitmap(handle, group, *bitmap);
}

Result<> BlockAllocator::release(journal::Handle& handle, BlockRange range) {
    if (!zone().allows(range.first, range.count)) return Errno::euclean;
    Guard guard(groups_.lock());
    while (range.count != 0) {
        std::uint32_t group = superblock_.group_of_block(range.first);
        std::uint64_t group_end = superblock_.group_start(group) + superblock_.blocks_in_group(group);
        auto piece = static_cast<std::uint32_t>(std::min<std::uint64_t>(range.count, group_end - range.first));
        HUSK_TRY(release_in_group(handle, group, {range.first, piece}));
        range.first += piece;
        range.count -= piece;
    }
    return {};
}

}  // namespace husk::fs::ext4
