// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/node.hpp"

#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/ext4/ext4.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::fs::ext4 {

Node::Node(Ext4& filesystem, FileType type, std::uint32_t number, const InodeRecord& record)
    : Inode(filesystem, type),
      record_(record),
      number_(number),
      seed_(inode_seed(number, record.generation, filesystem.volume().superblock())) {}

Node::~Node() {
    if (record_.links != 0 || is_free_ || volume().is_read_only()) {
        ext4().orphans().forget(*this);
        return;
    }
    if (auto removed = remove_from_disk(); !removed.ok()) {
        ext4().orphans().forget(*this);
        volume().report_failure(removed.error(), "an inode without a name could not be freed", number_);
    }
}

Result<> Node::free() {
    drop_contents();
    HUSK_TRY(remove_from_disk());
    is_free_ = true;
    return {};
}

Ext4& Node::ext4() const { return static_cast<Ext4&>(filesystem()); }
Volume& Node::volume() const { return ext4().volume(); }

Attributes Node::attributes() {
    InodeRecord now = record();
    std::uint64_t block_units = volume().superblock().block_bytes / 512;
    bool is_device = type() == FileType::character || type() == FileType::block;
    return {.number = number_,
            .mode = now.mode,
            .links = now.links,
            .user = now.user,
            .group = now.group,
            .represented_device = is_device ? device_of(now) : 0,
            .size_bytes = now.size_bytes,
            .blocks_512 = now.blocks_512 + promised_blocks() * block_units,
            .accessed_ns = now.accessed_ns,
            .modified_ns = now.modified_ns,
            .changed_ns = now.changed_ns,
            .born_ns = now.born_ns};
}

Result<> Node::change(const AttributeChange& change) {
    std::int64_t now = thread::realtime_ns();
    journal::Handle handle = HUSK_TRY(volume().begin(credits));
    update([&](InodeRecord& record) {
        if (change.permissions)
            record.mode = static_cast<std::uint32_t>(type()) | (*change.permissions & permission_mask);
        if (change.user) record.user = *change.user;
        if (change.group) record.group = *change.group;
        if (change.accessed_ns) record.accessed_ns = *change.accessed_ns;
        if (change.modified_ns) record.modified_ns = *change.modified_ns;
        record.changed_ns = now;
    });
    return store(handle);
}

// As with the mount option relatime.
void Node::was_read() {
    constexpr std::int64_t day_ns = 24ll * 3600 * 1'000'000'000;
    if (volume().is_read_only()) return;
    std::int64_t now = thread::realtime_ns();
    bool moves = false;
    update([&](InodeRecord& record) {
        moves = record.accessed_ns <= record.modified_ns || record.accessed_ns <= record.changed_ns ||
                now - record.accessed_ns >= day_ns;
        if (moves) record.accessed_ns = now;
    });
    if (moves) mark_dirty();
}

void Node::touch(bool contents) {
    std::int64_t now = thread::realtime_ns();
    update([&](InodeRecord& record) {
        if (contents) record.modified_ns = now;
        record.changed_ns = now;
    });
}

void Node::add_links(int change) {
    constexpr std::uint32_t most_links = 65000;
    update([&](InodeRecord& record) {
        // A directory with more subdirectories than the field counts has one link for good (dir_nlink).
        if (is_directory() && record.links == 1) return;
        record.links = static_cast<std::uint32_t>(static_cast<int>(record.links) + change);
        if (is_directory() && record.links >= most_links) record.links = 1;
    });
    touch(false);
}

std::uint32_t Node::links() {
    Guard guard(record_lock_);
    return record_.links;
}

void Node::encode(Bytes bytes) {
    // Size and record in one section: who encodes last must not have an older size.
    Guard guard(record_lock_);
    InodeRecord stored = record_;
    stored.size_bytes = size_on_disk();
    store_inode(stored, bytes, number_, volume().superblock());
}

Result<> Node::store(journal::Handle& handle) {
    InodePlace place = HUSK_TRY(volume().inodes().find(number_));
    HUSK_TRY(handle.modify(*place.buffer));
    encode(place.bytes());
    last_change_.store(std::uint64_t{handle.transaction()} + 1, std::memory_order_relaxed);
    return {};
}

Result<> Node::store_new(journal::Handle& handle) {
    InodePlace place = HUSK_TRY(volume().inodes().find(number_));
    HUSK_TRY(handle.modify(*place.buffer));
    std::memset(place.bytes().data(), 0, place.size_bytes);
    encode(place.bytes());
    last_change_.store(std::uint64_t{handle.transaction()} + 1, std::memory_order_relaxed);
    last_needed_change_.store(std::uint64_t{handle.transaction()} + 1, std::memory_order_relaxed);
    return {};
}

void Node::mark_dirty() {
    // Nobody will read it from the disk again, and the list would keep it alive.
    if (links() != 0) ext4().dirty().add(*this);
}

void Node::mark_clean() {
    if (ext4().dirty().take(*this)) release();  // the list's reference
}

Result<> Node::store_if_dirty() {
    if (!ext4().dirty().take(*this)) return {};
    RefPtr<Node> held = RefPtr<Node>::adopt(this);  // the list's reference
    journal::Handle handle = HUSK_TRY(volume().begin(credits));
    Result<> stored = store(handle);
    handle.end();
    return stored;
}

Result<> Node::sync(bool data_only) {
    HUSK_TRY(write_contents());
    if (volume().is_read_only()) return Errno::erofs;
    if (!data_only) HUSK_TRY(store_if_dirty());
    std::uint64_t needed = (data_only ? last_needed_change_ : last_change_).load(std::memory_order_relaxed);
    bool flushed = needed != 0 && HUSK_TRY(volume().journal().commit(static_cast<journal::TransactionId>(needed - 1)));
    return flushed ? Result<>() : block::flush(volume().device());
}

ExtentOwner Node::tree_owner() {
    const Superblock& superblock = volume().superblock();
    std::uint32_t group = volume().inodes().group_of(number_);
    return {.root = record_.area, .seed = seed_, .goal = superblock.group_start(group)};
}

void Node::count_blocks(std::int64_t blocks) {
    if (blocks == 0) return;
    auto units = static_cast<std::uint64_t>(blocks) * (volume().superblock().block_bytes / 512);
    update([&](InodeRecord& record) { record.blocks_512 += units; });
}

Result<> Node::check_is_mapped() const {
    return (record_.flags & inode_flag::extents) != 0 ? Result<>() : Errno::euclean;
}

Result<Mapping> Node::map(std::uint64_t logical) {
    HUSK_TRY(check_is_mapped());
    if (logical >= ExtentTree::block_limit) return Errno::efbig;
    Guard guard(map_lock_);
    return find_mapping(logical);
}

Result<bool> Node::free_some_blocks(journal::Handle& handle, std::uint64_t first, std::uint64_t end) {
    constexpr std::uint32_t per_extent = ExtentTree::credits + 12;
    HUSK_TRY(check_is_mapped());
    end = std::min<std::uint64_t>(end, ExtentTree::block_limit);
    if (first >= end) return true;
    Guard guard(map_lock_);
    bool done = false;
    while (!done && handle.credits() >= per_extent) {
        auto cut = HUSK_TRY(
            with_tree([&](ExtentTree& tree) { return tree.cut_last(handle, static_cast<std::uint32_t>(first), end); }));
        done = !cut;
        if (done) break;
        count_blocks(-static_cast<std::int64_t>(cut->count));
        bool is_metadata = !is_regular();
        for (std::uint32_t i = 0; is_metadata && i < cut->count; ++i) HUSK_TRY(handle.forget(cut->physical + i));
        HUSK_TRY(volume().blocks().release(handle, {cut->physical, cut->count}));
    }
    HUSK_TRY(store(handle));
    last_needed_change_.store(std::uint64_t{handle.transaction()} + 1, std::memory_order_relaxed);
    return done;
}

Result<> Node::free_blocks_from(std::uint64_t first) {
    for (bool done = false; !done;) {
        journal::Handle handle = HUSK_TRY(volume().begin(free_credits));
        done = HUSK_TRY(free_some_blocks(handle, first, UINT64_MAX));
    }
    return {};
}

Result<> Node::remove_from_disk() {
    if ((record_.flags & inode_flag::extents) != 0) HUSK_TRY(free_blocks_from(0));
    journal::Handle handle =
        HUSK_TRY(volume().begin(2 * InodeAllocator::credits + 2 * BlockAllocator::credits_per_group + 6));
    HUSK_TRY(ext4().attribute_store().release_block(handle, *this));
    HUSK_TRY(ext4().orphans().remove(handle, *this));
    update([&](InodeRecord& record) {
        record.next_orphan = static_cast<std::uint32_t>(thread::realtime_ns() / 1'000'000'000);  // i_dtime
        record.size_bytes = 0;
    });
    HUSK_TRY(store(handle));
    return volume().inodes().release(handle, number_, is_directory());
}

}  // namespace husk::fs::ext4
