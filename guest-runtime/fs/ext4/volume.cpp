// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/volume.hpp"

#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/ext4/extent_tree.hpp"
#include "guest-runtime/fs/ext4/inode_record.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::fs::ext4 {

namespace {

void log_about(const block::BlockDevice& device, std::string_view what, std::string_view detail) {
    char buffer[160];
    TextWriter line(buffer);
    line.text("ext4 on ").text(device.name()).text(": ").text(what);
    if (!detail.empty()) line.text(" (").text(detail).text(")");
    log_line(line.view());
}

std::uint64_t now_seconds() { return static_cast<std::uint64_t>(thread::realtime_ns() / 1'000'000'000); }

}  // namespace

Result<Superblock> read_superblock(block::BlockDevice& device) {
    constexpr std::size_t read_bytes = 4096;  // a multiple of any logical block
    if (device.size_bytes() < read_bytes) return Errno::einval;
    auto bytes = HUSK_TRY(HeapArray<std::byte>::create(read_bytes));
    HUSK_TRY(block::read(device, 0, bytes.span()));
    Superblock superblock;
    Refusal refusal =
        parse_superblock(bytes.span().subspan(superblock_offset, superblock_bytes), device.size_bytes(), superblock);
    if (refusal.reason.empty()) return superblock;
    log_about(device, refusal.reason, refusal.feature);
    return Errno::einval;
}

void Volume::log(std::string_view what, std::string_view detail) const { log_about(device_, what, detail); }

Result<journal::JournalMap> Volume::map_journal() {
    InodePlace place = HUSK_TRY(inodes_.find(superblock_.journal_inode));
    InodeRecord record = HUSK_TRY(parse_inode(place.bytes(), superblock_.journal_inode, superblock_));
    if ((record.flags & inode_flag::extents) == 0) return Errno::eopnotsupp;
    ExtentOwner owner{.root = record.area,
                      .seed = inode_seed(superblock_.journal_inode, record.generation, superblock_)};
    ExtentTree tree(superblock_, *cache_, blocks_, owner);
    journal::JournalMap map;
    std::uint64_t blocks = record.size_bytes >> superblock_.block_bits;
    for (std::uint64_t at = 0; at < blocks;) {
        Mapping mapping = HUSK_TRY(tree.find(static_cast<std::uint32_t>(at)));
        if (mapping.kind != Mapping::Kind::written) return Errno::euclean;
        auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(mapping.count, blocks - at));
        HUSK_TRY(map.append(mapping.physical, count));
        at += count;
    }
    return map;
}

Result<> Volume::open_journal(bool read_only) {
    bool marked = (superblock_.incompatible & incompatible::recover) != 0;
    journal::JournalMap map = HUSK_TRY(map_journal());
    // From here on: the journal's own inode leads there.
    for (std::uint32_t at = 0; at < map.block_count();) {
        journal::JournalMap::Run run = map.find(at, map.block_count() - at);
        HUSK_TRY(groups_.zone().add(run.device_block, run.blocks));
        at += run.blocks;
    }
    journal::JournalSettings settings{.has_checksums = superblock_.has_checksums(),
                                      .is_wide = (superblock_.incompatible & incompatible::is_64bit) != 0};
    journal_ = HUSK_TRY(journal::Journal::open(*cache_, std::move(map), settings, *this));
    if (!journal_->needs_recovery()) return {};
    if (device_.is_read_only()) {
        log("its journal would have to be replayed, and the disk is read-only");
        return Errno::erofs;
    }
    if (!marked) log("its journal holds changes although the superblock says no");
    // Also for a read-only mount, as Linux does: without the replay there is no consistent state to read.
    superblock_buffer_ = {};
    HUSK_TRY(journal_->recover());
    auto again = HUSK_TRY(read_superblock(device_));
    std::uint32_t orphans = again.last_orphan;
    superblock_ = again;
    superblock_.last_orphan = orphans;
    static_cast<void>(read_only);
    return {};
}

Result<> Volume::open(bool read_only) {
    HUSK_TRY(groups_.read());
    bool has_journal = (superblock_.compatible & compatible::has_journal) != 0 && superblock_.journal_inode != 0;
    if (has_journal) {
        HUSK_TRY(open_journal(read_only));
        HUSK_TRY(groups_.read());
    }
    superblock_buffer_ = HUSK_TRY(cache_->get(superblock_offset / superblock_.block_bytes));
    overhead_blocks_ = std::min<std::uint64_t>(load<std::uint32_t>(superblock_bytes(), 0x248), superblock_.blocks);
    if (read_only || device_.is_read_only()) return {};
    if (!has_journal) {
        log("it has no journal, so it is mounted read-only");
        return {};
    }
    if (std::string_view feature = read_only_feature(superblock_); !feature.empty()) {
        log("it uses a feature that is not supported, so it is mounted read-only", feature);
        return {};
    }
    // On the disk the mark appears with the first commit, so that a mount without changes writes nothing.
    disk_superblock_ = HUSK_TRY(HeapArray<std::byte>::create(superblock_.block_bytes));
    std::memcpy(disk_superblock_.data(), superblock_buffer_->bytes().data(), superblock_.block_bytes);
    Bytes bytes = superblock_bytes();
    store<std::uint32_t>(bytes, superblock_field::incompatible_features,
                         superblock_.incompatible | incompatible::recover);
    seal_superblock(bytes, superblock_);
    HUSK_TRY(journal_->start());
    is_started_ = true;
    writable_.store(true, std::memory_order_relaxed);
    return {};
}

Result<> Volume::mark_for_recovery() {
    Guard guard(superblock_lock_);
    if (disk_superblock_.size() == 0) return {};
    // What is on the disk, and the mark: what open transactions have changed must not get there yet.
    Bytes old = disk_superblock_.span();
    Bytes bytes = old.subspan(superblock_offset % superblock_.block_bytes, ext4::superblock_bytes);
    store<std::uint32_t>(bytes, superblock_field::incompatible_features,
                         superblock_.incompatible | incompatible::recover);
    std::uint64_t now = now_seconds();
    store<std::uint32_t>(bytes, superblock_field::mount_time, low_half(now));
    store<std::uint8_t>(bytes, superblock_field::mount_time_high, static_cast<std::uint8_t>(now >> 32));
    seal_superblock(bytes, superblock_);
    std::uint64_t offset = superblock_buffer_->block() * superblock_.block_bytes;
    HUSK_TRY(block::write(device_, offset, old));
    HUSK_TRY(block::flush(device_));
    disk_superblock_ = {};
    return {};
}

void Volume::on_abort(Errno) { writable_.store(false, std::memory_order_relaxed); }

void Volume::give_up(Errno error, std::string_view what) {
    if (!is_read_only()) journal_->abort(error, what);
}

void Volume::report_damage(std::string_view what, std::uint32_t inode) {
    if (damaged_.exchange(true, std::memory_order_relaxed)) return;
    char buffer[32];
    TextWriter number(buffer);
    number.text("inode ").decimal(inode);
    log(what, inode != 0 ? number.view() : std::string_view{});
}

void Volume::report_failure(Errno error, std::string_view what, std::uint32_t inode) {
    if (error != Errno::erofs) report_damage(what, inode);
}

Result<journal::Handle> Volume::begin(std::uint32_t credits) {
    if (is_read_only()) return Errno::erofs;
    return journal_->begin(credits);
}

Result<> Volume::set_last_orphan(journal::Handle& handle, std::uint32_t number) {
    Guard guard(superblock_lock_);
    HUSK_TRY(handle.modify(*superblock_buffer_));
    superblock_.last_orphan = number;
    store<std::uint32_t>(superblock_bytes(), superblock_field::last_orphan, number);
    seal_superblock(superblock_bytes(), superblock_);
    return {};
}

void Volume::refresh_superblock() {
    Bytes bytes = superblock_bytes();
    std::uint64_t free_blocks = groups_.free_blocks();
    std::uint64_t now = now_seconds();
    store<std::uint32_t>(bytes, superblock_field::free_blocks_low, low_half(free_blocks));
    if ((superblock_.incompatible & incompatible::is_64bit) != 0) {
        store<std::uint32_t>(bytes, superblock_field::free_blocks_high, high_half(free_blocks));
    }
    store<std::uint32_t>(bytes, superblock_field::free_inodes, groups_.free_inodes());
    store<std::uint32_t>(bytes, superblock_field::write_time, low_half(now));
    store<std::uint8_t>(bytes, superblock_field::write_time_high, static_cast<std::uint8_t>(now >> 32));
    std::uint16_t state = load<std::uint16_t>(bytes, superblock_field::state);
    if (damaged_.load(std::memory_order_relaxed)) state |= state_errors;
    store<std::uint16_t>(bytes, superblock_field::state, state);
    seal_superblock(bytes, superblock_);
}

Result<> Volume::close() {
    // After damage there is nothing to write, but the journal's thread has to end.
    if (is_read_only()) return is_started_ ? journal_->close() : Result<>();
    HUSK_TRY(journal_->close());
    is_started_ = false;
    writable_.store(false, std::memory_order_relaxed);
    Guard guard(superblock_lock_);
    bool is_unchanged = disk_superblock_.size() != 0 && !damaged_.load(std::memory_order_relaxed);
    if (is_unchanged) return {};
    std::uint32_t features = superblock_.incompatible & ~incompatible::recover;
    store<std::uint32_t>(superblock_bytes(), superblock_field::incompatible_features, features);
    std::uint64_t now = now_seconds();
    store<std::uint32_t>(superblock_bytes(), superblock_field::mount_time, low_half(now));
    refresh_superblock();
    HUSK_TRY(cache_->write(*superblock_buffer_));
    return block::flush(device_);
}

}  // namespace husk::fs::ext4
