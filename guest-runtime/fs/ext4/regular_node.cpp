// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/regular_node.hpp"

#include <algorithm>
#include <utility>

#include "guest-runtime/fs/ext4/ext4.hpp"
#include "guest-runtime/fs/page_barrier.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::fs::ext4 {

RegularNode::RegularNode(Ext4& filesystem, std::uint32_t number, const InodeRecord& record)
    : Node(filesystem, FileType::regular, number, record), disk_size_(record.size_bytes), pages_(*this, *this) {}

RegularNode::~RegularNode() {
    if (links() == 0) drop_contents();  // the base class frees the blocks
    volume().blocks().unreserve(promised_.count());
}

void RegularNode::drop_contents() {
    update([](InodeRecord& record) { record.size_bytes = 0; });
    PageBarrier barrier(pages_);
    static_cast<void>(pages_.resize(0, barrier));
}

std::uint64_t RegularNode::size_bytes() {
    Guard guard(record_lock_);
    return record_.size_bytes;
}

std::uint64_t RegularNode::promised_blocks() { return promised_count_.load(std::memory_order_relaxed); }

std::uint64_t RegularNode::most_bytes() const {
    return std::uint64_t{ExtentTree::block_limit} << volume().superblock().block_bits;
}

RegularNode::BlockSpan RegularNode::blocks_of(std::uint64_t offset, std::uint64_t size_bytes) const {
    unsigned bits = volume().superblock().block_bits;
    return {offset >> bits, (offset + size_bytes + block_bytes() - 1) >> bits};
}

BlockRun RegularNode::run_of(const Mapping& mapping, std::uint64_t most_blocks) const {
    unsigned bits = volume().superblock().block_bits;
    BlockRun run{.size_bytes = std::min<std::uint64_t>(mapping.count, most_blocks) << bits, .device_offset = {}};
    if (mapping.kind == Mapping::Kind::written) run.device_offset = mapping.physical << bits;
    return run;
}

Result<BlockRun> RegularNode::find(std::uint64_t offset, std::uint64_t size_bytes) {
    BlockSpan span = blocks_of(offset, size_bytes);
    return run_of(HUSK_TRY(map(span.first)), span.end - span.first);
}

Result<std::uint64_t> RegularNode::prepare_write(std::uint64_t begin, std::uint64_t end) {
    if (begin >= most_bytes()) return Errno::efbig;
    end = std::min(end, most_bytes());
    // In pieces, so that a disk that is nearly full takes what fits.
    constexpr std::uint64_t largest = 1 << 20;
    std::uint64_t piece = largest;
    for (std::uint64_t at = begin; at < end;) {
        std::uint64_t next = std::min(end, at / piece * piece + piece);
        auto reserved = reserve(at, next - at);
        if (reserved.ok()) {
            at = next;
        } else if (reserved.error() == Errno::enospc && piece > block_bytes()) {
            piece = block_bytes();
        } else {
            return at > begin ? Result<std::uint64_t>(at) : reserved.error();
        }
    }
    return end;
}

Result<> RegularNode::reserve(std::uint64_t offset, std::uint64_t size_bytes) {
    if (volume().is_read_only()) return Errno::erofs;
    HUSK_TRY(check_is_mapped());
    BlockSpan span = blocks_of(offset, size_bytes);
    if (span.end > ExtentTree::block_limit) return Errno::efbig;
    return volume().with_room([&]() -> Result<> {
        Guard guard(map_lock());
        for (std::uint64_t at = span.first; at < span.end;) {
            Mapping mapping = HUSK_TRY(find_mapping(at));
            std::uint64_t end = std::min<std::uint64_t>(span.end, at + mapping.count);
            std::uint64_t missing = mapping.kind == Mapping::Kind::hole ? end - at - promised_.count_in(at, end) : 0;
            if (missing != 0) {
                HUSK_TRY(volume().blocks().reserve(missing));
                if (auto noted = promised_.insert(at, end); !noted.ok()) {
                    volume().blocks().unreserve(missing);
                    return noted;
                }
                promised_count_.store(promised_.count(), std::memory_order_relaxed);
            }
            at = end;
        }
        return {};
    });
}

void RegularNode::break_promises(std::uint64_t first, std::uint64_t end) {
    std::uint64_t before = promised_.count();
    if (before == 0) return;
    if (end >= ExtentTree::block_limit) {
        promised_.erase_from(first);
    } else if (!promised_.erase(first, end).ok()) {
        return;  // no memory: the promise stays until the file is truncated
    }
    volume().blocks().unreserve(before - promised_.count());
    promised_count_.store(promised_.count(), std::memory_order_relaxed);
}

Result<BlockRun> RegularNode::fill_hole(journal::Handle& handle, std::uint64_t first, std::uint64_t most) {
    auto logical = static_cast<std::uint32_t>(first);
    auto wanted = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, Extent::most_unwritten));
    bool promised = promised_.count_in(first, first + wanted) == wanted;
    using Claim = BlockAllocator::Claim;
    std::uint64_t goal = HUSK_TRY(with_tree([&](ExtentTree& tree) { return tree.goal_for(logical); }));
    BlockRange range =
        HUSK_TRY(volume().blocks().allocate(handle, goal, wanted, promised ? Claim::reserved : Claim::ordinary));
    auto inserted = with_tree([&](ExtentTree& tree) {
        return tree.insert(handle, {logical, range.count, range.first, true});
    });
    if (!inserted.ok()) {
        HUSK_TRY(volume().blocks().release(handle, range));
        return inserted.error();
    }
    count_blocks(range.count);
    break_promises(first, first + range.count);
    HUSK_TRY(store(handle));
    unsigned bits = volume().superblock().block_bits;
    return BlockRun{std::uint64_t{range.count} << bits, range.first << bits};
}

Result<BlockRun> RegularNode::place(std::uint64_t offset, std::uint64_t size_bytes) {
    BlockSpan span = blocks_of(offset, size_bytes);
    Mapping mapping = HUSK_TRY(map(span.first));
    std::uint64_t most = std::min<std::uint64_t>(span.end - span.first, mapping.count);
    if (mapping.kind != Mapping::Kind::hole) {
        mapping.kind = Mapping::Kind::written;  // what follows is the write
        return run_of(mapping, most);
    }
    return volume().with_room([&]() -> Result<BlockRun> {
        journal::Handle handle = HUSK_TRY(volume().begin(fill_credits));
        Guard guard(map_lock());
        // Somebody else may have been here meanwhile.
        Mapping now = HUSK_TRY(find_mapping(span.first));
        most = std::min<std::uint64_t>(most, now.count);
        if (now.kind != Mapping::Kind::hole) {
            now.kind = Mapping::Kind::written;
            return run_of(now, most);
        }
        RangeSet::Run promise = promised_.run_at(span.first);
        most = std::min(most, promise.end - span.first);
        return promise.inside ? fill_hole(handle, span.first, most) : run_of(now, most);
    });
}

Result<> RegularNode::on_written_back(std::uint64_t offset, std::uint64_t size_bytes) {
    BlockSpan span = blocks_of(offset, size_bytes);
    std::uint64_t visible = 0;
    bool grows = false;
    {
        Guard guard(record_lock_);
        visible = std::min(record_.size_bytes, offset + size_bytes);
        grows = visible > disk_size_;
        // Written blocks behind the end of a file are not allowed.
        std::uint64_t file_end = blocks_of(0, record_.size_bytes).end;
        if (span.end > file_end) {
            early_ = {std::min(early_.first, std::max(span.first, file_end)), std::max(early_.end, span.end)};
            span.end = std::max(span.first, file_end);
        }
    }
    bool converts = false;
    for (std::uint64_t at = span.first; at < span.end && !converts;) {
        Mapping mapping = HUSK_TRY(map(at));
        converts = mapping.kind == Mapping::Kind::unwritten;
        at += mapping.count;
    }
    if (!converts && !grows) return store_if_dirty();
    for (std::uint64_t at = span.first; at < span.end;) {
        journal::Handle handle = HUSK_TRY(volume().begin(fill_credits));
        Guard guard(map_lock());
        at = HUSK_TRY(with_tree(
            [&](ExtentTree& tree) { return tree.set_written(handle, static_cast<std::uint32_t>(at), span.end); }));
        if (at >= span.end) {
            Guard record_guard(record_lock_);
            disk_size_ = std::max(disk_size_, std::min(record_.size_bytes, visible));
        }
        HUSK_TRY(store(handle));
        note_needed(handle);
    }
    return {};
}

void RegularNode::written_to(std::uint64_t, std::uint64_t end) {
    std::int64_t now = thread::realtime_ns();
    BlockSpan early;
    update([&](InodeRecord& record) {
        record.size_bytes = std::max(record.size_bytes, end);
        record.modified_ns = record.changed_ns = now;
        early = std::exchange(early_, {UINT64_MAX, 0});
    });
    mark_dirty();
    if (early.first >= early.end) return;
    unsigned bits = volume().superblock().block_bits;
    auto stored = on_written_back(early.first << bits, (early.end - early.first) << bits);
    if (!stored.ok()) volume().report_failure(stored.error(), "the end of a file could not be stored", number());
}

}  // namespace husk::fs::ext4
