// SPDX-License-Identifier: Apache-2.0
// A mounted ext4 file system: on-disk format as mke2fs of e2fsprogs 1.47 makes it by default, journal in ordered mode.
#pragma once

#include "guest-runtime/fs/ext4/attribute_store.hpp"
#include "guest-runtime/fs/ext4/node.hpp"
#include "guest-runtime/fs/ext4/node_lists.hpp"
#include "guest-runtime/fs/ext4/orphan_list.hpp"
#include "guest-runtime/fs/ext4/volume.hpp"
#include "guest-runtime/fs/filesystem.hpp"

namespace husk::fs::ext4 {

// Mounts what is on the device. EINVAL: no ext4, or one with a feature that is not known; logs why. The file system is
// read-only when asked to be, when the device is, and when a feature allows no writing.
Result<Filesystem*> open_ext4(block::BlockDevice& device, bool read_only);

class Ext4 final : public Filesystem {
public:
    Ext4(std::uint64_t device_number, block::BlockDevice& device, const Superblock& superblock,
         RefPtr<block::BufferCache> cache);
    ~Ext4();

    // Before any other use: journal and orphans. As Volume::open().
    Result<> open(bool read_only);

    [[nodiscard]] bool is_read_only() const override { return volume_.is_read_only(); }
    Result<RefPtr<Inode>> root() override;
    FilesystemCounts counts() override;
    Result<> sync() override;
    Result<> unmount() override;

    // The inode of that number, read when it is not in memory. EUCLEAN, EIO, ENOMEM. Not inside a handle.
    Result<RefPtr<Node>> node(std::uint32_t number);
    // A new inode without a name, on the disk within the handle's transaction. ENOSPC.
    static constexpr std::uint32_t new_node_credits = InodeAllocator::credits + Node::credits + ExtentTree::credits;
    Result<RefPtr<Node>> new_node(journal::Handle& handle, Node& parent, const NewInode& wanted);

    Volume& volume() { return volume_; }
    NodeCache& nodes() { return nodes_; }
    DirtyList& dirty() { return dirty_; }
    OrphanList& orphans() { return orphans_; }
    AttributeStore& attribute_store() { return attributes_; }

private:
    Result<RefPtr<Node>> make_node(std::uint32_t number, const InodeRecord& record);
    Result<> store_dirty();
    Result<> write_all();
    Result<> free_nameless();
    Result<> clean_orphans();
    Result<> clean_orphan(std::uint32_t number);

    Volume volume_;
    AttributeStore attributes_;
    OrphanList orphans_;
    DirtyList dirty_;
    NodeCache nodes_;
};

}  // namespace husk::fs::ext4
