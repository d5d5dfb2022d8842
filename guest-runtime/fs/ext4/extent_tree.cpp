// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/extent_tree.hpp"

#include <algorithm>

namespace husk::fs::ext4 {

Result<ExtentTree::Path> ExtentTree::walk(std::uint32_t logical) {
    Path path;
    // The root is read from the inode each time, which only its checksum vouches for.
    std::uint32_t depth = load<std::uint16_t>(owner_.root, 6);
    if (depth > ExtentNode::deepest) return Errno::euclean;
    HUSK_TRY(ExtentNode::check(owner_.root, depth, allocator_.zone()));
    path.depth = depth;
    path.levels[0].node = ExtentNode(owner_.root);
    for (std::uint32_t level = 0;; ++level) {
        Level& here = path.levels[level];
        std::uint32_t found = here.node.find(logical);
        here.position = found == here.node.count() ? 0 : found;
        if (level == depth) return path;
        Level& below = path.levels[level + 1];
        below.buffer = HUSK_TRY(cache_.get(here.node.child(here.position)));
        Bytes bytes = below.buffer->bytes();
        below.node = ExtentNode(bytes);
        if (!below.buffer->is_verified()) {
            HUSK_TRY(ExtentNode::check(bytes, depth - level - 1, allocator_.zone()));
            if (superblock_.has_checksums() && !below.node.checksum_is_right(owner_.seed)) return Errno::euclean;
            below.buffer->set_verified();
        }
        if (!ExtentNode::is_shaped(bytes, depth - level - 1)) return Errno::euclean;
    }
}

std::uint64_t ExtentTree::next_key(Path& path) {
    for (std::uint32_t level = path.depth + 1; level-- > 0;) {
        Level& here = path.levels[level];
        if (here.position + 1 < here.node.count()) return here.node.key(here.position + 1);
    }
    return block_limit;
}

Result<Mapping> ExtentTree::find(std::uint32_t logical) {
    Path path = HUSK_TRY(walk(logical));
    ExtentNode& leaf = path.leaf().node;
    std::uint32_t index = leaf.find(logical);
    std::uint64_t next = next_key(path);
    if (leaf.count() != 0 && index == leaf.count()) next = leaf.key(0);  // all extents are behind
    if (index < leaf.count()) {
        Extent extent = leaf.extent(index);
        if (logical < extent.end()) {
            return Mapping{static_cast<std::uint32_t>(extent.end() - logical),
                           extent.unwritten ? Mapping::Kind::unwritten : Mapping::Kind::written,
                           extent.physical + (logical - extent.logical)};
        }
    }
    if (next <= logical) return Errno::euclean;
    return Mapping{static_cast<std::uint32_t>(next - logical), Mapping::Kind::hole, 0};
}

Result<std::uint64_t> ExtentTree::goal_for(std::uint32_t logical) {
    Path path = HUSK_TRY(walk(logical));
    ExtentNode& leaf = path.leaf().node;
    std::uint32_t index = leaf.find(logical);
    if (index == leaf.count()) return owner_.goal;
    Extent extent = leaf.extent(index);
    return extent.physical + (logical - extent.logical);
}

Result<> ExtentTree::modify(journal::Handle& handle, Level& level) {
    return level.buffer ? handle.modify(*level.buffer) : Result<>();
}

void ExtentTree::seal(Level& level) {
    if (level.buffer && superblock_.has_checksums()) level.node.seal(owner_.seed);
}

Result<> ExtentTree::modify_path(journal::Handle& handle, Path& path) {
    for (std::uint32_t level = 0; level <= path.depth; ++level) HUSK_TRY(modify(handle, path.levels[level]));
    return {};
}

void ExtentTree::finish(Path& path) {
    seal(path.leaf());
    for (std::uint32_t level = path.depth; level-- > 0;) {
        Level& above = path.levels[level];
        ExtentNode& below = path.levels[level + 1].node;
        if (below.count() == 0 || above.node.key(above.position) == below.key(0)) return;
        above.node.set_key(above.position, below.key(0));
        seal(above);
    }
}

Result<block::BufferRef> ExtentTree::new_block(journal::Handle& handle, std::uint64_t goal) {
    BlockRange range = HUSK_TRY(allocator_.allocate(handle, goal, 1, BlockAllocator::Claim::metadata));
    auto buffer = cache_.fresh(range.first);
    Result<> modified = buffer.ok() ? handle.modify(*buffer.value()) : Result<>(buffer.error());
    if (!modified.ok()) {
        HUSK_TRY(allocator_.release(handle, range));
        return modified.error();
    }
    buffer.value()->set_verified();
    ++owner_.blocks;
    return std::move(buffer).value();
}

// The root's entries move into a block of their own, one level down.
Result<> ExtentTree::grow(journal::Handle& handle, Path& path) {
    if (path.depth == ExtentNode::deepest) return Errno::enospc;
    block::BufferRef block = HUSK_TRY(new_block(handle, owner_.goal));
    ExtentNode& root = path.levels[0].node;
    Level moved{block, ExtentNode::format(block->bytes(), root.depth())};
    root.copy_to(moved.node);
    seal(moved);
    std::uint32_t first = root.count() == 0 ? 0 : root.key(0);
    root = ExtentNode::format(owner_.root, path.depth + 1);
    root.open_gap(0);
    root.set_child(0, first, block->block());
    return {};
}

// Gives the node at `level`, whose parent has room, a right-hand neighbour.
Result<> ExtentTree::split(journal::Handle& handle, Path& path, std::uint32_t level, std::uint32_t logical) {
    Level& full = path.levels[level];
    Level& parent = path.levels[level - 1];
    HUSK_TRY(modify(handle, full));
    HUSK_TRY(modify(handle, parent));
    block::BufferRef block = HUSK_TRY(new_block(handle, full.buffer->block()));
    Level right{block, ExtentNode::format(block->bytes(), full.node.depth())};
    std::uint32_t count = full.node.count();
    // A file that grows at its end fills its nodes: nothing moves out of a leaf then, and one entry out of others.
    bool appends = full.position == count - 1 && full.node.key(count - 1) < logical;
    bool is_leaf = level == path.depth;
    std::uint32_t from = !appends ? count / 2 : is_leaf ? count : count - 1;
    std::uint32_t key = from == count ? logical : full.node.key(from);
    full.node.move_tail(from, right.node);
    parent.node.open_gap(parent.position + 1);
    parent.node.set_child(parent.position + 1, key, block->block());
    seal(right);
    seal(full);
    seal(parent);
    return {};
}

Result<ExtentTree::Path> ExtentTree::walk_with_room(journal::Handle& handle, std::uint32_t logical,
                                                    std::uint32_t entries) {
    for (;;) {
        Path path = HUSK_TRY(walk(logical));
        if (path.leaf().node.room() >= entries) return path;
        std::uint32_t level = path.depth;
        while (level > 0 && path.levels[level - 1].node.room() == 0) --level;
        HUSK_TRY(level == 0 ? grow(handle, path) : split(handle, path, level, logical));
    }
}

void ExtentTree::join_with_next(ExtentNode& leaf, std::uint32_t index) {
    if (index + 1 >= leaf.count()) return;
    Extent extent = leaf.extent(index);
    Extent next = leaf.extent(index + 1);
    if (!extent.joins(next)) return;
    extent.count += next.count;
    leaf.set_extent(index, extent);
    leaf.erase(index + 1);
}

void ExtentTree::place(ExtentNode& leaf, std::uint32_t index, const Extent& extent) {
    leaf.open_gap(index);
    leaf.set_extent(index, extent);
    join_with_next(leaf, index);
    if (index != 0) join_with_next(leaf, index - 1);
}

Result<> ExtentTree::insert(journal::Handle& handle, const Extent& extent) {
    Path path = HUSK_TRY(walk_with_room(handle, extent.logical, 1));
    HUSK_TRY(modify_path(handle, path));
    ExtentNode& leaf = path.leaf().node;
    std::uint32_t before = leaf.find(extent.logical);
    place(leaf, before == leaf.count() ? 0 : before + 1, extent);
    finish(path);
    return {};
}

Result<std::uint64_t> ExtentTree::set_written(journal::Handle& handle, std::uint32_t first, std::uint64_t end) {
    std::uint64_t at = first;
    for (;;) {
        if (at >= end) return end;
        Mapping mapping = HUSK_TRY(find(static_cast<std::uint32_t>(at)));
        if (mapping.kind == Mapping::Kind::unwritten) break;
        at += mapping.count;
    }
    auto begin = static_cast<std::uint32_t>(at);
    Path path = HUSK_TRY(walk_with_room(handle, begin, 2));
    HUSK_TRY(modify_path(handle, path));
    ExtentNode& leaf = path.leaf().node;
    std::uint32_t index = leaf.find(begin);
    Extent whole = leaf.extent(index);
    std::uint64_t stop = std::min(end, whole.end());
    Extent middle{begin, static_cast<std::uint32_t>(stop - begin), whole.physical + (begin - whole.logical), false};
    Extent tail{static_cast<std::uint32_t>(stop), static_cast<std::uint32_t>(whole.end() - stop),
                middle.physical + middle.count, true};
    Extent head{whole.logical, begin - whole.logical, whole.physical, true};
    leaf.erase(index);
    if (tail.count != 0) place(leaf, index, tail);
    // In front of the tail, behind the head, and joined with what was written before.
    place(leaf, index, middle);
    if (head.count != 0) place(leaf, index, head);
    finish(path);
    return stop;
}

Result<std::optional<Extent>> ExtentTree::cut_last(journal::Handle& handle, std::uint32_t first, std::uint64_t end) {
    if (end <= first) return std::optional<Extent>();
    Path path = HUSK_TRY(walk(static_cast<std::uint32_t>(end - 1)));
    std::uint32_t index = path.leaf().node.find(static_cast<std::uint32_t>(end - 1));
    if (index == path.leaf().node.count()) return std::optional<Extent>();
    Extent whole = path.leaf().node.extent(index);
    if (whole.end() <= first) return std::optional<Extent>();
    Extent cut = whole;
    cut.logical = std::max(whole.logical, first);
    cut.count = static_cast<std::uint32_t>(std::min(whole.end(), end) - cut.logical);
    cut.physical += cut.logical - whole.logical;
    Extent head = whole;
    head.count = cut.logical - whole.logical;
    Extent tail = whole;
    tail.logical = static_cast<std::uint32_t>(cut.end());
    tail.count = static_cast<std::uint32_t>(whole.end() - cut.end());
    tail.physical = cut.physical + cut.count;
    if (head.count != 0 && tail.count != 0) {
        path = HUSK_TRY(walk_with_room(handle, whole.logical, 1));
        index = path.leaf().node.find(whole.logical);
    }
    HUSK_TRY(modify_path(handle, path));
    ExtentNode& leaf = path.leaf().node;
    if (head.count == 0 && tail.count == 0) {
        leaf.erase(index);
    } else {
        leaf.set_extent(index, head.count != 0 ? head : tail);
        if (head.count != 0 && tail.count != 0) {
            leaf.open_gap(index + 1);
            leaf.set_extent(index + 1, tail);
        }
    }
    if (leaf.count() == 0) HUSK_TRY(drop_empty_leaf(handle, path));
    finish(path);
    HUSK_TRY(collapse(handle));
    return std::optional(cut);
}

Result<> ExtentTree::release_node(journal::Handle& handle, std::uint64_t block) {
    HUSK_TRY(handle.forget(block));
    HUSK_TRY(allocator_.release(handle, {block, 1}));
    --owner_.blocks;
    return {};
}

Result<> ExtentTree::collapse(journal::Handle& handle) {
    for (ExtentNode root(owner_.root); root.depth() != 0 && root.count() == 1;) {
        std::uint64_t block = root.child(0);
        unsigned depth = root.depth() - 1;
        {
            block::BufferRef buffer = HUSK_TRY(cache_.get(block));
            ExtentNode child(buffer->bytes());
            if (!ExtentNode::is_shaped(buffer->bytes(), depth) || child.count() > root.count() + root.room()) return {};
            child.copy_to(ExtentNode::format(owner_.root, depth));
        }
        HUSK_TRY(release_node(handle, block));
    }
    return {};
}

Result<> ExtentTree::drop_empty_leaf(journal::Handle& handle, Path& path) {
    while (path.depth != 0 && path.leaf().node.count() == 0) {
        std::uint64_t block = path.leaf().buffer->block();
        path.leaf().buffer = {};
        HUSK_TRY(release_node(handle, block));
        --path.depth;
        Level& parent = path.leaf();
        parent.node.erase(parent.position);
        if (parent.position >= parent.node.count())
            parent.position = parent.node.count() == 0 ? 0 : parent.position - 1;
    }
    if (path.depth == 0 && path.leaf().node.count() == 0) ExtentNode::format(owner_.root, 0);
    return {};
}

}  // namespace husk::fs::ext4
