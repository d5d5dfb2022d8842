// SPDX-License-Identifier: Apache-2.0
// Extended attributes on the disk: behind an inode's fields as far as they fit there, the rest in a block.
#pragma once

#include "guest-runtime/fs/ext4/attribute_list.hpp"
#include "guest-runtime/fs/ext4/volume.hpp"

namespace husk::fs::ext4 {

class Node;

// Blocks that inodes share, as other writers make them, are counted and copied when one changes.
class AttributeStore {
public:
    static constexpr std::uint32_t credits = 4 + 2 * BlockAllocator::credits_per_group;

    explicit AttributeStore(Volume& volume) : volume_(volume) {}

    // EUCLEAN, EIO, ENOMEM.
    Result<> load(Node& node, AttributeList& to);
    // Replaces what is stored. ENOSPC when they do not fit, with nothing changed. Stores the inode.
    Result<> save(journal::Handle& handle, Node& node, AttributeList& list);
    // The inode is about to be freed.
    Result<> release_block(journal::Handle& handle, Node& node);

private:
    Result<block::BufferRef> block_of(std::uint64_t block);
    // A block that belongs to this inode alone; null when the list needs none.
    Result<block::BufferRef> own_block(journal::Handle& handle, Node& node);
    Bytes in_inode(Bytes inode, Node& node) const;

    Volume& volume_;
    thread::Mutex lock_;  // over reference counts and attribute blocks
};

}  // namespace husk::fs::ext4
