// SPDX-License-Identifier: Apache-2.0
// The index of a directory: walking it, splitting what is full, listing in its order.
#include <algorithm>

#include "guest-runtime/fs/ext4/directory_node.hpp"
#include "guest-runtime/fs/ext4/ext4.hpp"

namespace husk::fs::ext4 {

namespace {

// Entries of one block, with the hashes of their names.
struct HashedEntry {
    NameHash hash;
    std::uint32_t offset;
    std::uint32_t record_bytes;  // that the name needs
};

// By a heap: half the code of std::sort.
void sort_by_hash(std::span<HashedEntry> entries) {
    auto before = [](const HashedEntry& a, const HashedEntry& b) { return a.hash < b.hash; };
    std::make_heap(entries.begin(), entries.end(), before);
    std::sort_heap(entries.begin(), entries.end(), before);
}

// A listing's position: the hash, behind those of "." and "..".
std::uint64_t position_of(const NameHash& hash) {
    constexpr std::uint64_t first = 2;
    return std::max(first, std::uint64_t{hash.major >> 1} << 32 | hash.minor);
}

}  // namespace

Result<NameHash> DirectoryNode::hash(std::string_view name, std::uint8_t version) const {
    constexpr std::uint8_t unsigned_versions = 3;
    if (version < unsigned_versions && volume().superblock().unsigned_hash) version += unsigned_versions;
    auto value = hash_name(name, version, volume().superblock());
    return value ? Result<NameHash>(*value) : Errno::euclean;
}

Result<DirectoryNode::IndexPath> DirectoryNode::walk(std::uint32_t wanted) {
    const Superblock& superblock = volume().superblock();
    IndexPath path;
    std::uint32_t logical = 0;
    std::uint32_t levels = 1;
    while (path.count < levels) {
        bool is_root = path.count == 0;
        IndexLevel& level = path.levels[path.count++];
        level.buffer = HUSK_TRY(raw_block(logical));
        Bytes bytes = level.buffer->bytes();
        bool sound =
            IndexNode::is_shaped(bytes, is_root, superblock) &&
            (level.buffer->is_verified() || IndexNode::check(bytes, is_root, seed(), block_count(), superblock).ok());
        if (!sound) {
            volume().report_damage("a directory's index contradicts itself", number());
            return Errno::euclean;
        }
        level.buffer->set_verified();
        level.node = IndexNode(bytes, is_root);
        if (is_root) {
            IndexHeader header = level.node.header();
            path.hash_version = header.hash_version;
            levels = header.levels + 1u;
            if (levels > deepest_index) return Errno::euclean;
        }
        level.position = level.node.find(wanted);
        logical = level.node.block(level.position);
    }
    return path;
}

Result<std::optional<std::uint32_t>> DirectoryNode::advance(IndexPath& path) {
    if (++path.advanced > block_count()) return Errno::euclean;
    std::uint32_t level = path.count;
    while (level > 0 && path.levels[level - 1].position + 1 >= path.levels[level - 1].node.count()) --level;
    if (level == 0) return std::optional<std::uint32_t>();
    IndexLevel& moved = path.levels[level - 1];
    ++moved.position;
    std::uint32_t begin = moved.node.hash(moved.position);
    for (; level < path.count; ++level) {
        IndexLevel& below = path.levels[level];
        std::uint32_t logical = path.levels[level - 1].node.block(path.levels[level - 1].position);
        below.buffer = HUSK_TRY(raw_block(logical));
        Bytes bytes = below.buffer->bytes();
        if (!IndexNode::is_shaped(bytes, false, volume().superblock())) return Errno::euclean;
        if (!below.buffer->is_verified()) {
            HUSK_TRY(IndexNode::check(bytes, false, seed(), block_count(), volume().superblock()));
            below.buffer->set_verified();
        }
        below.node = IndexNode(bytes, false);
        below.position = 0;
    }
    return std::optional(begin);
}

void DirectoryNode::seal(IndexLevel& level) { level.node.seal(seed(), volume().superblock()); }

// The one block's entries move into a second, and the first becomes the root.
Result<> DirectoryNode::make_index(journal::Handle& handle) {
    block::BufferRef first = HUSK_TRY(leaf(0));
    DirectoryBlock block = view(*first);
    auto dot = block.at(0);
    auto dots = dot ? block.at(dot->end()) : std::nullopt;
    if (!dots || dots->name != "..") return Errno::euclean;
    std::uint32_t parent = dots->inode;
    HUSK_TRY(handle.modify(*first));
    block::BufferRef moved;
    std::uint32_t logical = HUSK_TRY(append_block(handle, moved));
    DirectoryBlock entries = view(*moved);
    for (auto entry = block.at(dots->end()); entry; entry = block.at(entry->end())) {
        if (entry->inode != 0) entries.insert(entry->name, entry->inode, entry->type);
    }
    entries.seal(seed());
    block.format_first(number(), parent, volume().superblock().block_bytes);
    const Superblock& superblock = volume().superblock();
    IndexLevel root{first, IndexNode::format_root(first->bytes(), {superblock.hash_version, 0}, superblock)};
    root.node.insert(0, 0, logical);
    seal(root);
    update([](InodeRecord& record) { record.flags |= inode_flag::indexed; });
    return store(handle);
}

// The root's entries move into a node of their own.
Result<> DirectoryNode::grow_index(journal::Handle& handle, IndexPath& path) {
    bool large = (volume().superblock().incompatible & incompatible::large_directories) != 0;
    if (path.count >= (large ? deepest_index : deepest_index - 1)) return Errno::enospc;
    IndexLevel& root = path.levels[0];
    HUSK_TRY(handle.modify(*root.buffer));
    IndexLevel below;
    std::uint32_t logical = HUSK_TRY(append_block(handle, below.buffer));
    below.node = IndexNode::format_node(below.buffer->bytes(), volume().superblock());
    root.node.move_tail(0, below.node);
    root.node.insert(0, 0, logical);
    root.node.set_levels(static_cast<std::uint8_t>(path.count));
    seal(below);
    seal(root);
    return {};
}

Result<> DirectoryNode::split_node(journal::Handle& handle, IndexPath& path, std::uint32_t level) {
    IndexLevel& full = path.levels[level];
    IndexLevel& parent = path.levels[level - 1];
    HUSK_TRY(handle.modify(*full.buffer));
    HUSK_TRY(handle.modify(*parent.buffer));
    IndexLevel right;
    std::uint32_t logical = HUSK_TRY(append_block(handle, right.buffer));
    right.node = IndexNode::format_node(right.buffer->bytes(), volume().superblock());
    std::uint32_t begin = full.node.move_tail(full.node.count() / 2, right.node);
    parent.node.insert(parent.position + 1, begin, logical);
    seal(right);
    seal(full);
    seal(parent);
    return {};
}

Result<DirectoryNode::IndexPath> DirectoryNode::walk_with_room(journal::Handle& handle, std::uint32_t wanted) {
    for (;;) {
        IndexPath path = HUSK_TRY(walk(wanted));
        if (path.last().node.room() != 0) return path;
        std::uint32_t level = path.count - 1;
        while (level > 0 && path.levels[level - 1].node.room() == 0) --level;
        HUSK_TRY(level == 0 ? grow_index(handle, path) : split_node(handle, path, level));
    }
}

// The upper half of the hashes in the leaf for `wanted` moves into a new one.
Result<> DirectoryNode::split_leaf(journal::Handle& handle, std::uint32_t wanted) {
    IndexPath path = HUSK_TRY(walk_with_room(handle, wanted));
    block::BufferRef full = HUSK_TRY(leaf(path.leaf()));
    DirectoryBlock block = view(*full);
    auto entries = HUSK_TRY(HeapArray<HashedEntry>::create(block.area_bytes() / 12));
    auto copy = HUSK_TRY(HeapArray<std::byte>::create(full->bytes().size()));
    std::memcpy(copy.data(), full->bytes().data(), copy.size());
    DirectoryBlock old(copy.span(), volume().superblock());
    std::size_t count = 0;
    for (auto entry = old.at(0); entry; entry = old.at(entry->end())) {
        if (entry->inode == 0) continue;
        NameHash value = HUSK_TRY(hash(entry->name, path.hash_version));
        entries[count++] = {value, entry->offset, DirectoryBlock::record_bytes_for(entry->name.size())};
    }
    if (count < 2) return Errno::enospc;
    sort_by_hash(entries.span().first(count));
    std::size_t kept = count;
    for (std::uint32_t moved = 0; kept > 1 && moved + entries[kept - 1].record_bytes / 2 <= block.area_bytes() / 2;) {
        moved += entries[--kept].record_bytes;
    }
    if (kept == count) --kept;

    HUSK_TRY(handle.modify(*full));
    HUSK_TRY(handle.modify(*path.last().buffer));
    block::BufferRef fresh;
    std::uint32_t logical = HUSK_TRY(append_block(handle, fresh));
    block.format();
    DirectoryBlock upper = view(*fresh);
    for (std::size_t i = 0; i < count; ++i) {
        auto entry = old.at(entries[i].offset);
        (i < kept ? block : upper).insert(entry->name, entry->inode, entry->type);
    }
    block.seal(seed());
    upper.seal(seed());
    std::uint32_t begin = entries[kept].hash.major;
    // Marked when names of the same hash stay in the leaf in front.
    if (entries[kept - 1].hash.major == begin) begin |= 1;
    path.last().node.insert(path.last().position + 1, begin, logical);
    seal(path.last());
    return {};
}

// Visits what the leaf has from `position` on, in the order of hashes. False: the visitor has enough.
Result<bool> DirectoryNode::list_leaf(block::Buffer& buffer, std::uint8_t version, std::uint64_t position,
                                      DirectoryVisitor& visitor) {
    DirectoryBlock block = view(buffer);
    auto entries = HUSK_TRY(HeapArray<HashedEntry>::create(block.area_bytes() / 12));
    std::size_t count = 0;
    for (auto entry = block.at(0); entry; entry = block.at(entry->end())) {
        if (entry->inode == 0 || entry->name == "." || entry->name == "..") continue;
        NameHash value = HUSK_TRY(hash(entry->name, version));
        if (position_of(value) >= position) entries[count++] = {value, entry->offset, 0};
    }
    sort_by_hash(entries.span().first(count));
    for (std::size_t i = 0; i < count; ++i) {
        auto entry = block.at(entries[i].offset);
        std::uint64_t own = position_of(entries[i].hash);
        // Of names with one hash, a listing begins with the first again rather than miss one.
        bool last_of_hash = i + 1 == count || position_of(entries[i + 1].hash) != own;
        if (!visitor.visit(entry->name, entry->inode, entry->type, last_of_hash ? own + 1 : own)) return false;
    }
    return true;
}

Result<> DirectoryNode::list_indexed(std::uint64_t position, DirectoryVisitor& visitor) {
    std::uint32_t above = number() == root_inode_number ? number() : HUSK_TRY(read_parent());
    if (position == 0 && !visitor.visit(".", number(), FileType::directory, 1)) return {};
    if (position <= 1 && !visitor.visit("..", above, FileType::directory, 2)) return {};
    if (position >> 32 > INT32_MAX) return {};
    if (!is_indexed()) {
        block::BufferRef only = HUSK_TRY(leaf(0));
        HUSK_TRY(list_leaf(*only, volume().superblock().hash_version, position, visitor));
        return {};
    }
    IndexPath path = HUSK_TRY(walk(static_cast<std::uint32_t>(position >> 32) << 1));
    for (;;) {
        block::BufferRef buffer = HUSK_TRY(leaf(path.leaf()));
        if (!HUSK_TRY(list_leaf(*buffer, path.hash_version, position, visitor))) return {};
        if (!HUSK_TRY(advance(path))) return {};
    }
}

}  // namespace husk::fs::ext4
