// SPDX-License-Identifier: Apache-2.0
// Entries that come and go: the parts that creating, removing and moving names are made of.
#include "guest-runtime/fs/ext4/directory_node.hpp"
#include "guest-runtime/fs/ext4/ext4.hpp"
#include "guest-runtime/fs/page_cache.hpp"

namespace husk::fs::ext4 {

// An empty block at the end of the directory; answers its number.
Result<std::uint32_t> DirectoryNode::append_block(journal::Handle& handle, block::BufferRef& buffer) {
    std::uint32_t logical = block_count();
    if (logical >= ExtentTree::block_limit) return Errno::efbig;
    Guard guard(map_lock());
    std::uint64_t goal = HUSK_TRY(with_tree([&](ExtentTree& tree) { return tree.goal_for(logical); }));
    BlockRange range = HUSK_TRY(volume().blocks().allocate(handle, goal, 1, BlockAllocator::Claim::ordinary));
    auto fresh = volume().cache().fresh(range.first);
    Result<> ready = fresh.ok() ? handle.modify(*fresh.value()) : Result<>(fresh.error());
    if (ready.ok()) {
        ready = with_tree([&](ExtentTree& tree) { return tree.insert(handle, {logical, 1, range.first, false}); });
    }
    if (!ready.ok()) {
        HUSK_TRY(volume().blocks().release(handle, range));
        return ready.error();
    }
    buffer = std::move(fresh).value();
    view(*buffer).format();
    view(*buffer).seal(seed());
    buffer->set_verified();
    count_blocks(1);
    update([&](InodeRecord& record) { record.size_bytes += volume().superblock().block_bytes; });
    HUSK_TRY(store(handle));
    return logical;
}

Result<> DirectoryNode::make_room(journal::Handle& handle, std::string_view name) {
    if (links() == 0) return Errno::enoent;
    HUSK_TRY(check_is_mapped());
    if (!is_indexed()) {
        for (std::uint32_t logical = 0; logical < block_count(); ++logical) {
            block::BufferRef buffer = HUSK_TRY(leaf(logical));
            if (view(*buffer).has_room(name.size())) return {};
        }
        bool may_index = (volume().superblock().compatible & compatible::dir_index) != 0 && block_count() == 1;
        if (!may_index) {
            block::BufferRef buffer;
            HUSK_TRY(append_block(handle, buffer));
            return {};
        }
        HUSK_TRY(make_index(handle));
    }
    for (;;) {
        IndexPath path = HUSK_TRY(walk(0));
        std::uint32_t wanted = HUSK_TRY(hash(name, path.hash_version)).major;
        path = HUSK_TRY(walk(wanted));
        block::BufferRef buffer = HUSK_TRY(leaf(path.leaf()));
        if (view(*buffer).has_room(name.size())) return {};
        HUSK_TRY(split_leaf(handle, wanted));
    }
}

Result<> DirectoryNode::put(journal::Handle& handle, std::string_view name, Node& node) {
    block::BufferRef buffer;
    if (is_indexed()) {
        IndexPath path = HUSK_TRY(walk(0));
        std::uint32_t wanted = HUSK_TRY(hash(name, path.hash_version)).major;
        path = HUSK_TRY(walk(wanted));
        buffer = HUSK_TRY(leaf(path.leaf()));
    } else {
        for (std::uint32_t logical = 0; logical < block_count(); ++logical) {
            buffer = HUSK_TRY(leaf(logical));
            if (view(*buffer).has_room(name.size())) break;
        }
    }
    HUSK_TRY(handle.modify(*buffer));
    if (!view(*buffer).insert(name, node.number(), node.type())) return Errno::euclean;
    view(*buffer).seal(seed());
    touch(true);
    return store(handle);
}

Result<> DirectoryNode::remove(journal::Handle& handle, Place& place) {
    HUSK_TRY(handle.modify(*place.buffer));
    view(*place.buffer).remove(place.entry.offset);
    view(*place.buffer).seal(seed());
    touch(true);
    return store(handle);
}

Result<> DirectoryNode::point(journal::Handle& handle, Place& place, Node& node) {
    HUSK_TRY(handle.modify(*place.buffer));
    view(*place.buffer).point(place.entry.offset, node.number(), node.type());
    view(*place.buffer).seal(seed());
    touch(true);
    return store(handle);
}

// The entry "..".
Result<> DirectoryNode::set_parent(journal::Handle& handle, std::uint32_t parent) {
    HUSK_TRY(read_parent());
    block::BufferRef buffer = HUSK_TRY(raw_block(0));
    if (!DirectoryBlock::parent_in(buffer->bytes())) return Errno::euclean;
    HUSK_TRY(handle.modify(*buffer));
    DirectoryBlock block = view(*buffer);
    block.point(DirectoryBlock::parent_offset, parent, FileType::directory);
    if (is_indexed()) {
        IndexLevel root{buffer, IndexNode(buffer->bytes(), true)};
        seal(root);
    } else {
        block.seal(seed());
    }
    parent_number_ = parent;
    return {};
}

Result<> DirectoryNode::on_removed(journal::Handle& handle, Node& node) {
    if (node.is_directory()) {
        add_links(-1);
        HUSK_TRY(store(handle));
        node.update([](InodeRecord& record) { record.links = 0; });
        node.touch(false);
    } else {
        node.add_links(-1);
    }
    if (node.links() != 0) return node.store(handle);
    ext4().nodes().drop(node);
    node.mark_clean();
    if (PageCache* pages = node.page_cache()) pages->orphan(true);
    return ext4().orphans().add(handle, node);
}

// A change that failed after it had begun would be half of one.
Result<> DirectoryNode::finish(journal::Handle& handle, Result<> result, std::string_view what) {
    if (!result.ok()) {
        handle.end();
        volume().give_up(result.error(), what);
    }
    return result;
}

}  // namespace husk::fs::ext4
