// SPDX-License-Identifier: Apache-2.0
// The descriptors of all block groups, in memory, and their way back to the disk.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/fs/block/buffer_cache.hpp"
#include "guest-runtime/fs/ext4/group_descriptor.hpp"
#include "guest-runtime/fs/ext4/system_zone.hpp"
#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/fs/journal/handle.hpp"
#include "guest-runtime/thread/mutex.hpp"

namespace husk::fs::ext4 {

class GroupTable {
public:
    GroupTable(const Superblock& superblock, block::BufferCache& cache)
        : superblock_(superblock), cache_(cache), zone_(superblock) {}

    // Reads all of them. EUCLEAN, EIO, ENOMEM.
    Result<> read();

    // Held while descriptors or bitmaps are looked at or changed. Taken inside of handles.
    thread::Mutex& lock() { return lock_; }
    [[nodiscard]] GroupDescriptor& at(std::uint32_t group) { return groups_[group]; }
    [[nodiscard]] SystemZone& zone() { return zone_; }
    // Puts a changed descriptor into the handle's transaction.
    Result<> store(journal::Handle& handle, std::uint32_t group);

    [[nodiscard]] std::uint64_t free_blocks() const { return free_blocks_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint32_t free_inodes() const { return free_inodes_.load(std::memory_order_relaxed); }
    // Together with the descriptor's own count.
    void change_free_blocks(std::uint32_t group, std::int64_t change);
    void change_free_inodes(std::uint32_t group, std::int32_t change);

    // A group whose bitmap contradicts itself is not allocated from again.
    void set_damaged(std::uint32_t group) { damaged_[group] = true; }
    [[nodiscard]] bool is_damaged(std::uint32_t group) const { return damaged_[group]; }

private:
    [[nodiscard]] std::uint64_t block_of(std::uint32_t group) const;
    [[nodiscard]] Bytes bytes_in(block::Buffer& buffer, std::uint32_t group) const;

    const Superblock& superblock_;
    block::BufferCache& cache_;
    thread::Mutex lock_;
    SystemZone zone_;
    HeapArray<GroupDescriptor> groups_;
    HeapArray<bool> damaged_;
    std::atomic<std::uint64_t> free_blocks_ = 0;
    std::atomic<std::uint32_t> free_inodes_ = 0;
};

}  // namespace husk::fs::ext4
