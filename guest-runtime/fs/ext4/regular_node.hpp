// SPDX-License-Identifier: Apache-2.0
// A regular file: pages in the page cache, blocks given to them when they are written back.
#pragma once

#include "guest-runtime/fs/ext4/block_allocator.hpp"
#include "guest-runtime/fs/ext4/extent_tree.hpp"
#include "guest-runtime/fs/ext4/node.hpp"
#include "guest-runtime/fs/ext4/range_set.hpp"
#include "guest-runtime/fs/page_cache.hpp"

namespace husk::fs::ext4 {

// Blocks are first allocated as unwritten, and become written, together with the size that covers them, once their
// contents are on the disk: no crash shows what a block held before. That gives what ordered mode promises.
class RegularNode final : public Node, public BlockMap {
public:
    RegularNode(Ext4& filesystem, std::uint32_t number, const InodeRecord& record);
    ~RegularNode() override;

    // Inode
    std::uint64_t size_bytes() override;
    Result<abi::GuestPhys> page_for_read(std::uint64_t index) override { return pages_.page_for_read(index); }
    Result<abi::GuestPhys> page_for_write(std::uint64_t index) override { return pages_.page_for_write(index); }
    Result<abi::GuestPhys> page_for_mapping(std::uint64_t index, bool for_write) override {
        return pages_.page_for_mapping(index, for_write);
    }
    PageCache* page_cache() override { return &pages_; }
    Result<std::uint64_t> prepare_write(std::uint64_t begin, std::uint64_t end) override;
    void written_to(std::uint64_t, std::uint64_t end) override;
    Result<> resize(std::uint64_t size_bytes) override;
    Result<> allocate(std::uint64_t offset, std::uint64_t size_bytes, bool keep_size) override;
    Result<> punch_hole(std::uint64_t offset, std::uint64_t size_bytes) override;
    Result<std::uint64_t> seek_data(std::uint64_t offset, bool hole) override;

    // BlockMap
    block::BlockDevice& device() override { return volume().device(); }
    [[nodiscard]] std::uint32_t block_bytes() const override { return volume().superblock().block_bytes; }
    Result<BlockRun> find(std::uint64_t offset, std::uint64_t size_bytes) override;
    Result<> reserve(std::uint64_t offset, std::uint64_t size_bytes) override;
    Result<BlockRun> place(std::uint64_t offset, std::uint64_t size_bytes) override;
    Result<> on_written_back(std::uint64_t offset, std::uint64_t size_bytes) override;

protected:
    std::uint64_t promised_blocks() override;
    std::uint64_t size_on_disk() override { return disk_size_; }
    Result<> write_contents() override { return pages_.write_back(0, UINT64_MAX); }
    void drop_contents() override;

private:
    // What filling one hole may change.
    static constexpr std::uint32_t fill_credits =
        ExtentTree::credits + BlockAllocator::credits_per_group + Node::credits;
    struct BlockSpan {
        std::uint64_t first, end;
    };
    [[nodiscard]] BlockSpan blocks_of(std::uint64_t offset, std::uint64_t size_bytes) const;
    [[nodiscard]] BlockRun run_of(const Mapping& mapping, std::uint64_t most_blocks) const;
    [[nodiscard]] std::uint64_t most_bytes() const;
    // With map_lock() held. Up to `most` blocks of the hole that begins at `first`.
    Result<BlockRun> fill_hole(journal::Handle& handle, std::uint64_t first, std::uint64_t most);
    void break_promises(std::uint64_t first, std::uint64_t end);
    Result<> set_size(journal::Handle& handle, std::uint64_t size_bytes);
    Result<> shrink(std::uint64_t size_bytes);
    void note_needed(const journal::Handle& handle) {
        last_needed_change_.store(std::uint64_t{handle.transaction()} + 1, std::memory_order_relaxed);
    }

    std::uint64_t disk_size_;  // guarded by record_lock_
    // What direct I/O has written behind the end of the file, until written_to() says that it ends there. The same.
    BlockSpan early_ = {UINT64_MAX, 0};
    RangeSet promised_;  // blocks in the page cache that need a place; guarded by map_lock()
    std::atomic<std::uint64_t> promised_count_ = 0;
    PageCache pages_;
};

}  // namespace husk::fs::ext4
