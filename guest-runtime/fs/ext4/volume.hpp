// SPDX-License-Identifier: Apache-2.0
// What all inodes of a mounted file system share: superblock, buffers, journal, allocators.
#pragma once

#include <atomic>
#include <string_view>

#include "guest-runtime/fs/block/buffer_cache.hpp"
#include "guest-runtime/fs/ext4/block_allocator.hpp"
#include "guest-runtime/fs/ext4/group_table.hpp"
#include "guest-runtime/fs/ext4/inode_allocator.hpp"
#include "guest-runtime/fs/ext4/superblock.hpp"
#include "guest-runtime/fs/journal/journal.hpp"

namespace husk::fs::ext4 {

class Volume final : public journal::JournalOwner {
public:
    Volume(block::BlockDevice& device, const Superblock& superblock, RefPtr<block::BufferCache> cache)
        : device_(device),
          superblock_(superblock),
          cache_(std::move(cache)),
          groups_(superblock_, *cache_),
          blocks_(superblock_, *cache_, groups_),
          inodes_(superblock_, *cache_, groups_, blocks_) {}
    Volume(const Volume&) = delete;
    Volume& operator=(const Volume&) = delete;
    ~Volume() = default;

    // Replays the journal, reads the descriptors, and unless `read_only` makes ready for changes. EROFS: the journal
    // would have to be replayed and must not be. Other errors as found; logs why.
    Result<> open(bool read_only);
    // Everything to its place, the journal empty, the superblock marked clean. The inodes have been written before.
    Result<> close();

    [[nodiscard]] const Superblock& superblock() const { return superblock_; }
    [[nodiscard]] block::BufferCache& cache() { return *cache_; }
    [[nodiscard]] block::BlockDevice& device() { return device_; }
    [[nodiscard]] GroupTable& groups() { return groups_; }
    [[nodiscard]] BlockAllocator& blocks() { return blocks_; }
    [[nodiscard]] InodeAllocator& inodes() { return inodes_; }
    [[nodiscard]] journal::Journal& journal() { return *journal_; }
    [[nodiscard]] bool is_read_only() const { return !writable_.load(std::memory_order_relaxed); }
    // Whether the journal is in use.
    [[nodiscard]] bool is_started() const { return is_started_; }
    // Blocks that superblock, bitmaps, tables and journal take.
    [[nodiscard]] std::uint64_t overhead_blocks() const { return overhead_blocks_; }

    // EROFS.
    Result<journal::Handle> begin(std::uint32_t credits);
    // Runs `change` again after a commit when it found no room while freed blocks were waiting for one.
    template <class Change>
    auto with_room(Change change) {
        auto result = change();
        if (result.ok() || result.error() != Errno::enospc || is_read_only() || !blocks_.has_pending()) return result;
        if (!journal_->sync().ok()) return result;
        return change();
    }

    // The head of the list of inodes to clean up after a crash.
    [[nodiscard]] std::uint32_t last_orphan() const { return superblock_.last_orphan; }
    Result<> set_last_orphan(journal::Handle& handle, std::uint32_t number);

    // Something on the disk contradicts itself: logged, and noted in the superblock for e2fsck.
    void report_damage(std::string_view what, std::uint32_t inode);
    // The same of a change that could not be made; not of one that came after the end of writing (EROFS).
    void report_failure(Errno error, std::string_view what, std::uint32_t inode);
    // A change went wrong half-way: what is not committed is dropped, and nothing is written any more.
    void give_up(Errno error, std::string_view what);

    Result<> mark_for_recovery() override;
    void on_abort(Errno error) override;

private:
    Result<> open_journal(bool read_only);
    Result<journal::JournalMap> map_journal();
    [[nodiscard]] Bytes superblock_bytes() const {
        return superblock_buffer_->bytes().subspan(superblock_offset % superblock_.block_bytes, superblock_bytes_size);
    }
    // Free counts, times and state, with the superblock's lock held.
    void refresh_superblock();
    void log(std::string_view what, std::string_view detail = {}) const;
    static constexpr std::size_t superblock_bytes_size = ext4::superblock_bytes;

    block::BlockDevice& device_;
    Superblock superblock_;
    RefPtr<block::BufferCache> cache_;
    GroupTable groups_;
    BlockAllocator blocks_;
    InodeAllocator inodes_;
    RefPtr<journal::Journal> journal_;
    block::BufferRef superblock_buffer_;
    thread::Mutex superblock_lock_;
    HeapArray<std::byte> disk_superblock_;  // its block as it is on the disk, until the first commit
    std::uint64_t overhead_blocks_ = 0;
    bool is_started_ = false;  // the journal
    std::atomic<bool> writable_ = false;
    std::atomic<bool> damaged_ = false;
};

// EINVAL: there is no ext4 on the device, or one that cannot be used; logs which. EIO, ENOMEM.
Result<Superblock> read_superblock(block::BlockDevice& device);

}  // namespace husk::fs::ext4
