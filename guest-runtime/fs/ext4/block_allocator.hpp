// SPDX-License-Identifier: Apache-2.0
// Hands out and takes back blocks, near where they are wanted and in runs.
#pragma once

#include <cstdint>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/fs/ext4/group_table.hpp"

namespace husk::fs::ext4 {

struct BlockRange {
    std::uint64_t first = 0;
    std::uint32_t count = 0;
};

// Blocks that a transaction freed stay unused until it is committed: after a crash before that they still belong to
// their file.
class BlockAllocator {
public:
    // Who asks, and so how far the disk may fill up.
    enum class Claim {
        ordinary,  // must leave what is reserved, and a little for metadata
        reserved,  // comes out of a reservation made before
        metadata,  // must leave what is reserved
    };
    // The most blocks that allocate() or release() modifies.
    static constexpr std::uint32_t credits_per_group = 2;

    BlockAllocator(const Superblock& superblock, block::BufferCache& cache, GroupTable& groups)
        : superblock_(superblock), cache_(cache), groups_(groups) {}

    // What can belong to files.
    [[nodiscard]] const SystemZone& zone() const { return groups_.zone(); }

    // A run of 1 to `wanted` blocks, as near behind `goal` as there is one. Modifies one group. ENOSPC.
    Result<BlockRange> allocate(journal::Handle& handle, std::uint64_t goal, std::uint32_t wanted, Claim claim);
    // Blocks that allocate() gave, in as many groups as they touch. EUCLEAN: they were free, or no file's.
    Result<> release(journal::Handle& handle, BlockRange range);

    // Writes the bitmap of a group that has none yet; with the groups' lock held. Modifies as allocate() does.
    Result<> initialise_group(journal::Handle& handle, std::uint32_t group);

    // Keeps `blocks` for later calls with Claim::reserved. ENOSPC.
    Result<> reserve(std::uint64_t blocks);
    void unreserve(std::uint64_t blocks);

    // Free, but for those that wait for a commit.
    [[nodiscard]] std::uint64_t available() const;
    // The same, but for what is reserved.
    [[nodiscard]] std::uint64_t unpromised() const;
    // Whether a commit would make more available.
    [[nodiscard]] bool has_pending() const { return pending_blocks_.load(std::memory_order_relaxed) != 0; }

private:
    struct PendingRelease;

    Result<block::BufferRef> bitmap_of(std::uint32_t group);
    void build_bitmap(std::uint32_t group, Bytes bitmap) const;
    [[nodiscard]] bool is_sound(std::uint32_t group, ConstBytes bitmap) const;
    Result<> store_bitmap(journal::Handle& handle, std::uint32_t group, block::Buffer& bitmap);
    // With the groups' lock held. A count of 0: nothing there.
    Result<BlockRange> search(std::uint32_t group, std::uint32_t from, std::uint32_t wanted, std::uint32_t least);
    Result<BlockRange> take(journal::Handle& handle, const BlockRange& range);
    Result<BlockRange> take_near(journal::Handle& handle, std::uint64_t goal, std::uint32_t wanted);
    Result<> release_in_group(journal::Handle& handle, std::uint32_t group, BlockRange range);
    void hide_pending(std::uint32_t group, Bytes bitmap);
    [[nodiscard]] std::uint64_t margin() const;

    const Superblock& superblock_;
    block::BufferCache& cache_;
    GroupTable& groups_;
    List<PendingRelease, struct PendingTag> pending_;  // guarded by the groups' lock
    HeapArray<std::byte> scratch_;                     // a bitmap with pending blocks taken; the same
    std::atomic<std::uint64_t> pending_blocks_ = 0;
    std::atomic<std::uint64_t> reserved_ = 0;
};

}  // namespace husk::fs::ext4
