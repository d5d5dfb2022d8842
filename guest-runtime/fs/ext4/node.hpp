// SPDX-License-Identifier: Apache-2.0
// An inode of ext4 in memory: its record, its extents, and how both get to the disk.
#pragma once

#include <atomic>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/fs/ext4/extent_tree.hpp"
#include "guest-runtime/fs/ext4/inode_record.hpp"
#include "guest-runtime/fs/ext4/volume.hpp"
#include "guest-runtime/fs/inode.hpp"

namespace husk::fs::ext4 {

class Ext4;
struct CacheTag;
struct DirtyTag;
struct OrphanTag;

// Locks, outermost first: structure() or contents(); a handle; map_lock(); the groups' lock. record_lock() is for
// moments and goes with any of them.
class Node : public Inode, public ListNode<CacheTag>, public ListNode<DirtyTag>, public ListNode<OrphanTag> {
public:
    // What one change of attributes or links modifies: the inode's block.
    static constexpr std::uint32_t credits = 1;

    Node(Ext4& filesystem, FileType type, std::uint32_t number, const InodeRecord& record);
    // One without names gives its blocks and its number back, so the last reference must not go inside a handle.
    ~Node() override;

    [[nodiscard]] std::uint32_t number() const { return number_; }
    [[nodiscard]] std::uint32_t seed() const { return seed_; }
    Attributes attributes() override;
    Result<> change(const AttributeChange& change) override;
    Result<> sync(bool data_only) override;
    Result<Text> extended_attribute(std::string_view name) override;
    Result<> set_extended_attribute(std::string_view name, std::string_view value, int flags) override;
    Result<> remove_extended_attribute(std::string_view name) override;
    Result<Text> extended_attribute_names() override;
    void was_read() override;

    // Changes the record. It reaches the disk with the next store().
    template <class Change>
    void update(Change change) {
        Guard guard(record_lock_);
        change(record_);
    }
    [[nodiscard]] InodeRecord record() {
        Guard guard(record_lock_);
        return record_;
    }
    // Puts the record into the handle's transaction.
    Result<> store(journal::Handle& handle);
    // The same with an inode's whole place, for a new one.
    Result<> store_new(journal::Handle& handle);
    // The record has changed in memory only; sync() of this or all inodes stores it.
    void mark_dirty();
    // It need not be stored any more. The caller holds a reference.
    void mark_clean();
    // Stores it when that is so.
    Result<> store_if_dirty();
    void touch(bool contents);  // the times of a change now

    // `blocks` more (or less) belong to the inode.
    void count_blocks(std::int64_t blocks);
    // Links, with structure() held.
    void add_links(int change);
    [[nodiscard]] std::uint32_t links();

    // Gives the blocks and the number of one without names back. The caller holds a reference, and nobody else uses it
    // any more.
    Result<> free();

    // A new inode that was given back within its first handle: nothing of it is on the disk.
    void abandon() {
        update([](InodeRecord& record) { record.links = 1; });
    }

    // Frees the blocks of [first, end) as far as one handle reaches. True: none is left.
    Result<bool> free_some_blocks(journal::Handle& handle, std::uint64_t first, std::uint64_t end);
    static constexpr std::uint32_t free_credits = 2 * ExtentTree::credits + 24;
    // All of them from `first` on, in as many handles as it takes; the inode is on the orphan list.
    Result<> free_blocks_from(std::uint64_t first);

protected:
    [[nodiscard]] Ext4& ext4() const;
    [[nodiscard]] Volume& volume() const;
    thread::Mutex& map_lock() { return map_lock_; }
    // For the blocks of this inode, with map_lock() held. `change` gets a tree; blocks of the tree itself are counted.
    template <class Use>
    auto with_tree(Use use) {
        ExtentOwner owner = tree_owner();
        ExtentTree tree(volume().superblock(), volume().cache(), volume().blocks(), owner);
        auto result = use(tree);
        count_blocks(static_cast<std::int64_t>(owner.blocks));
        return result;
    }
    Result<Mapping> find_mapping(std::uint64_t logical) {
        return with_tree([&](ExtentTree& tree) { return tree.find(static_cast<std::uint32_t>(logical)); });
    }
    // The same, which takes the lock. EUCLEAN for an inode without extents.
    Result<Mapping> map(std::uint64_t logical);
    // How many blocks are promised beyond those that there are.
    virtual std::uint64_t promised_blocks() { return 0; }
    // The size that the disk may show: contents up to there are on it. With record_lock_ held.
    virtual std::uint64_t size_on_disk() { return record_.size_bytes; }
    // Before sync() stores the inode.
    virtual Result<> write_contents() { return {}; }
    // Before its blocks are given back: what is in memory must not be written there any more.
    virtual void drop_contents() {}
    Result<> check_is_mapped() const;

    Spinlock record_lock_;
    InodeRecord record_;
    // The last transactions with a change of this inode, and with one that its contents need. 0: none.
    std::atomic<std::uint64_t> last_change_ = 0;
    std::atomic<std::uint64_t> last_needed_change_ = 0;

private:
    ExtentOwner tree_owner();
    void encode(Bytes bytes);
    Result<> remove_from_disk();

    bool is_free_ = false;  // it is no longer on the disk
    std::uint32_t number_;
    std::uint32_t seed_;
    thread::Mutex map_lock_;
    thread::Mutex attribute_lock_;
};

}  // namespace husk::fs::ext4
