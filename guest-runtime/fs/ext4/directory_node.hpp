// SPDX-License-Identifier: Apache-2.0
// A directory: its entries in blocks, which an index by hash orders once there is more than one.
#pragma once

#include <array>

#include "guest-runtime/fs/ext4/directory_block.hpp"
#include "guest-runtime/fs/ext4/directory_hash.hpp"
#include "guest-runtime/fs/ext4/index_node.hpp"
#include "guest-runtime/fs/ext4/node.hpp"

namespace husk::fs::ext4 {

class DirectoryNode final : public Node {
public:
    DirectoryNode(Ext4& filesystem, std::uint32_t number, const InodeRecord& record)
        : Node(filesystem, FileType::directory, number, record) {}

    Result<RefPtr<Inode>> lookup(std::string_view name) override;
    RefPtr<Inode> parent() override;
    Result<RefPtr<Inode>> create(std::string_view name, const NewInode& wanted) override;
    Result<RefPtr<Inode>> create_unnamed(std::uint32_t permissions) override;
    Result<> link(std::string_view name, Inode& target) override;
    Result<> unlink(std::string_view name) override;
    Result<> remove_directory(std::string_view name) override;
    Result<> rename(std::string_view name, Inode& to, std::string_view new_name, RenameMode mode) override;
    Result<> list(std::uint64_t position, DirectoryVisitor& visitor) override;

private:
    // Where an entry is.
    struct Place {
        block::BufferRef buffer;
        DirectoryEntry entry;
    };
    using Found = std::optional<Place>;
    struct IndexLevel {
        block::BufferRef buffer;
        IndexNode node;
        std::uint32_t position = 0;
    };
    static constexpr std::uint32_t deepest_index = 3;  // root and nodes
    // The way through the index to one leaf.
    struct IndexPath {
        std::array<IndexLevel, deepest_index> levels;
        std::uint32_t count = 0;
        std::uint8_t hash_version = 0;
        std::uint32_t advanced = 0;  // leaves passed, of which there are no more than blocks
        IndexLevel& last() { return levels[count - 1]; }
        [[nodiscard]] std::uint32_t leaf() const { return levels[count - 1].node.block(levels[count - 1].position); }
    };
    struct Rename;

    // directory_node.cpp: looking
    [[nodiscard]] bool is_indexed();
    std::uint32_t block_count();
    DirectoryBlock view(block::Buffer& buffer) const { return {buffer.bytes(), volume().superblock()}; }
    Result<block::BufferRef> raw_block(std::uint32_t logical);
    Result<block::BufferRef> leaf(std::uint32_t logical);
    Result<Found> find(std::string_view name);
    Result<Found> find_linear(std::string_view name);
    Result<Found> find_indexed(std::string_view name);
    Result<RefPtr<Node>> child(const DirectoryEntry& entry);
    Result<bool> is_empty();
    Result<std::uint32_t> read_parent();

    // directory_index.cpp
    Result<NameHash> hash(std::string_view name, std::uint8_t version) const;
    Result<IndexPath> walk(std::uint32_t hash);
    // To the next leaf; the hash at which it begins (with the mark of a collision), or none.
    Result<std::optional<std::uint32_t>> advance(IndexPath& path);
    Result<> make_index(journal::Handle& handle);
    Result<IndexPath> walk_with_room(journal::Handle& handle, std::uint32_t hash);
    Result<> grow_index(journal::Handle& handle, IndexPath& path);
    Result<> split_node(journal::Handle& handle, IndexPath& path, std::uint32_t level);
    Result<> split_leaf(journal::Handle& handle, std::uint32_t hash);
    void seal(IndexLevel& level);
    Result<> list_indexed(std::uint64_t position, DirectoryVisitor& visitor);
    Result<bool> list_leaf(block::Buffer& buffer, std::uint8_t version, std::uint64_t position,
                           DirectoryVisitor& visitor);

    // directory_changes.cpp
    // Room for an entry of that name, so that put() finds it. ENOSPC, with nothing lost.
    Result<> make_room(journal::Handle& handle, std::string_view name);
    Result<> put(journal::Handle& handle, std::string_view name, Node& node);
    Result<std::uint32_t> append_block(journal::Handle& handle, block::BufferRef& buffer);
    Result<> remove(journal::Handle& handle, Place& place);
    Result<> point(journal::Handle& handle, Place& place, Node& node);
    Result<> set_parent(journal::Handle& handle, std::uint32_t parent);
    // `node` has lost a name here for good, or its last place.
    Result<> on_removed(journal::Handle& handle, Node& node);
    Result<> finish(journal::Handle& handle, Result<> result, std::string_view what);
    Result<RefPtr<Inode>> create_in(std::string_view name, const NewInode& wanted);
    Result<> rename_in(const Rename& rename);
    Result<> exchange(journal::Handle& handle, const Rename& rename, Place& from, Place& to);

    std::uint32_t parent_number_ = 0;  // 0: not known yet
};

}  // namespace husk::fs::ext4
