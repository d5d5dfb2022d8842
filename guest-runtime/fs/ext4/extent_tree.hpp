// SPDX-License-Identifier: Apache-2.0
// Where a file's blocks lie: the tree of extents that begins in its inode.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "guest-runtime/fs/ext4/block_allocator.hpp"
#include "guest-runtime/fs/ext4/extent_node.hpp"

namespace husk::fs::ext4 {

// What a range of a file's blocks begins with.
struct Mapping {
    enum class Kind { hole, written, unwritten };
    std::uint32_t count = 0;  // of blocks that are alike, at least 1
    Kind kind = Kind::hole;
    std::uint64_t physical = 0;  // of the first, unless a hole
};

// What the tree needs of its file. All calls come with the file's map lock held.
struct ExtentOwner {
    Bytes root;                // the inode's 60 bytes; after a change the caller stores the inode
    std::uint32_t seed = 0;    // of checksums
    std::uint64_t goal = 0;    // where a file without blocks would best begin
    std::uint64_t blocks = 0;  // of the tree itself: changes are added up here
};

// A change leaves the tree as it was when it fails, but for splits, which mean nothing.
class ExtentTree {
public:
    // The most blocks that one change modifies, allocations included.
    static constexpr std::uint32_t credits = 3 * (ExtentNode::deepest + 1) + 4;
    static constexpr std::uint32_t block_limit = UINT32_MAX;  // the first logical block that there cannot be

    ExtentTree(const Superblock& superblock, block::BufferCache& cache, BlockAllocator& allocator, ExtentOwner& owner)
        : superblock_(superblock), cache_(cache), allocator_(allocator), owner_(owner) {}

    static void format_root(Bytes root) { ExtentNode::format(root, 0); }

    // EUCLEAN, EIO.
    Result<Mapping> find(std::uint32_t logical);
    // Where the blocks from `logical` on would best be: behind what is in front of them.
    Result<std::uint64_t> goal_for(std::uint32_t logical);
    // `extent` lies in a hole.
    Result<> insert(journal::Handle& handle, const Extent& extent);
    // The first unwritten extent in [first, end), as far as it lies there, becomes a written one. Answers behind it, or
    // `end` when there is none.
    Result<std::uint64_t> set_written(journal::Handle& handle, std::uint32_t first, std::uint64_t end);
    // Takes the last extent out of [first, end), as far as it lies there; its blocks are then the caller's to release.
    Result<std::optional<Extent>> cut_last(journal::Handle& handle, std::uint32_t first, std::uint64_t end);

private:
    struct Level {
        block::BufferRef buffer;  // null for the root
        ExtentNode node;
        std::uint32_t position = 0;  // the entry whose key is the last one at or below; 0 when all are above
    };
    struct Path {
        std::array<Level, ExtentNode::deepest + 1> levels;
        std::uint32_t depth = 0;  // of the leaf
        Level& leaf() { return levels[depth]; }
    };

    Result<Path> walk(std::uint32_t logical);
    // Where the next extent behind the path's leaf entry begins.
    static std::uint64_t next_key(Path& path);
    // A path to `logical` whose leaf has room for `entries` more.
    Result<Path> walk_with_room(journal::Handle& handle, std::uint32_t logical, std::uint32_t entries);
    Result<> split(journal::Handle& handle, Path& path, std::uint32_t level, std::uint32_t logical);
    Result<> grow(journal::Handle& handle, Path& path);
    Result<block::BufferRef> new_block(journal::Handle& handle, std::uint64_t goal);
    Result<> modify(journal::Handle& handle, Level& level);
    void seal(Level& level);
    Result<> modify_path(journal::Handle& handle, Path& path);
    // Carries a leaf's first key upwards, and checksums.
    void finish(Path& path);
    Result<> drop_empty_leaf(journal::Handle& handle, Path& path);
    // Takes levels out as long as the root has one child that fits into it.
    Result<> collapse(journal::Handle& handle);
    Result<> release_node(journal::Handle& handle, std::uint64_t block);
    // Puts `extent` at `index` of the leaf, or joins it with a neighbour.
    static void place(ExtentNode& leaf, std::uint32_t index, const Extent& extent);
    static void join_with_next(ExtentNode& leaf, std::uint32_t index);

    const Superblock& superblock_;
    block::BufferCache& cache_;
    BlockAllocator& allocator_;
    ExtentOwner& owner_;
};

}  // namespace husk::fs::ext4
