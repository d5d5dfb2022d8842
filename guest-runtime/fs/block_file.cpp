// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/block_file.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/block/block_devices.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/device_table.hpp"
#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/mount_disks.hpp"
#include "guest-runtime/fs/page_barrier.hpp"
#include "guest-runtime/fs/page_cache.hpp"
#include "guest-runtime/fs/regular_file.hpp"

namespace husk::fs {

namespace {

// <linux/fs.h>
namespace disk_request {
inline constexpr std::uint64_t blk_ro_get = 0x125e;
inline constexpr std::uint64_t blk_get_size = 0x1260;
inline constexpr std::uint64_t blk_flush_buffers = 0x1261;
inline constexpr std::uint64_t blk_sector_size = 0x1268;
inline constexpr std::uint64_t blk_discard = 0x1277;
inline constexpr std::uint64_t blk_io_min = 0x1278;
inline constexpr std::uint64_t blk_io_opt = 0x1279;
inline constexpr std::uint64_t blk_physical_size = 0x127b;
inline constexpr std::uint64_t blk_zero_out = 0x127f;
inline constexpr std::uint64_t blk_block_size = 0x8008'1270;
inline constexpr std::uint64_t blk_get_size_64 = 0x8008'1272;
}  // namespace disk_request

// Where Linux keeps the inodes of its disks, too.
class BlockFilesystem final : public Filesystem {
public:
    constexpr BlockFilesystem() : Filesystem(make_device(0, 3), "bdev") {}
    Result<RefPtr<Inode>> root() override { return Errno::enosys; }
    FilesystemCounts counts() override { return {}; }
};
constinit BlockFilesystem block_filesystem;

// The contents of one disk, shared by all who have it open; lives as long as the VM.
class DiskContents final : public Inode, public BlockMap {
public:
    explicit DiskContents(block::BlockDevice& device)
        : Inode(block_filesystem, FileType::block), device_(device), cache_(*this, *this) {}

    Attributes attributes() override { return {.size_bytes = device_.size_bytes()}; }
    std::uint64_t size_bytes() override { return device_.size_bytes(); }
    PageCache* page_cache() override { return &cache_; }
    Result<abi::GuestPhys> page_for_read(std::uint64_t index) override { return cache_.page_for_read(index); }
    Result<abi::GuestPhys> page_for_write(std::uint64_t index) override { return cache_.page_for_write(index); }
    Result<abi::GuestPhys> page_for_mapping(std::uint64_t index, bool for_write) override {
        return cache_.page_for_mapping(index, for_write);
    }
    Result<std::uint64_t> prepare_write(std::uint64_t begin, std::uint64_t end) override {
        if (begin >= device_.size_bytes()) return Errno::enospc;
        return std::min(end, device_.size_bytes());
    }
    Result<> sync(bool) override {
        HUSK_TRY(cache_.write_back(0, UINT64_MAX));
        return device_.is_read_only() ? Result<>() : block::flush(device_);
    }

    block::BlockDevice& device() override { return device_; }
    [[nodiscard]] std::uint32_t block_bytes() const override { return device_.logical_block_bytes(); }
    Result<BlockRun> find(std::uint64_t offset, std::uint64_t size_wanted) override {
        return BlockRun{size_wanted, offset};
    }
    Result<BlockRun> place(std::uint64_t offset, std::uint64_t size_wanted) override {
        return BlockRun{size_wanted, offset};
    }

private:
    block::BlockDevice& device_;
    PageCache cache_;
};

constinit std::array<DiskContents*, abi::max_devices> disks{};

class BlockFile final : public RegularFile {
public:
    BlockFile(RefPtr<Inode> inode, std::uint32_t flags, DiskContents& disk)
        : RegularFile(FileKind::device, std::move(inode), flags, disk), disk_(disk) {}

    Result<> sync(bool data_only) override { return disk_.sync(data_only); }
    Result<long> ioctl(std::uint64_t request, std::uint64_t argument) override;

private:
    Result<> change_range(UserPtr<std::uint64_t> range, block::Operation operation);

    DiskContents& disk_;
};

template <class T>
Result<long> answer(std::uint64_t argument, std::uint64_t value) {
    HUSK_TRY(UserPtr<T>(argument).store(static_cast<T>(value)));
    return 0;
}

// BLKDISCARD and BLKZEROOUT: offset and size, in bytes.
Result<> BlockFile::change_range(UserPtr<std::uint64_t> range, block::Operation operation) {
    if (!is_writable()) return Errno::ebadf;
    std::uint64_t offset = HUSK_TRY(range.load());
    std::uint64_t size = HUSK_TRY(range.offset(1).load());
    block::BlockDevice& device = disk_.device();
    std::uint64_t mask = device.logical_block_bytes() - 1;
    if (((offset | size) & mask) != 0 || offset + size < offset || offset + size > device.size_bytes()) {
        return Errno::einval;
    }
    Guard guard(disk_.contents());
    PageBarrier barrier(*disk_.page_cache());
    HUSK_TRY(disk_.page_cache()->drop_range(offset, offset + size, barrier));
    if (operation == block::Operation::discard) return block::discard(device, offset, size);
    return block::write_zeroes(device, offset, size);
}

Result<long> BlockFile::ioctl(std::uint64_t request, std::uint64_t argument) {
    block::BlockDevice& device = disk_.device();
    switch (request) {
        case disk_request::blk_ro_get:
            return answer<std::int32_t>(argument, device.is_read_only() ? 1 : 0);
        case disk_request::blk_get_size:
            return answer<std::uint64_t>(argument, device.size_bytes() / 512);
        case disk_request::blk_get_size_64:
            return answer<std::uint64_t>(argument, device.size_bytes());
        case disk_request::blk_sector_size:
            return answer<std::int32_t>(argument, device.logical_block_bytes());
        case disk_request::blk_physical_size:
        case disk_request::blk_io_min:
            return answer<std::uint32_t>(argument, device.physical_block_bytes());
        case disk_request::blk_io_opt:
            return answer<std::uint32_t>(argument, 0);
        case disk_request::blk_block_size:
            return answer<std::int32_t>(argument, abi::page_size);
        case disk_request::blk_flush_buffers:
            HUSK_TRY(disk_.sync(false));
            disk_.page_cache()->drop_clean(0, UINT64_MAX);
            return 0;
        case disk_request::blk_discard:
            HUSK_TRY(change_range(UserPtr<std::uint64_t>(argument), block::Operation::discard));
            return 0;
        case disk_request::blk_zero_out:
            HUSK_TRY(change_range(UserPtr<std::uint64_t>(argument), block::Operation::write_zeroes));
            return 0;
        default:
            return Errno::enotty;
    }
}

Result<RefPtr<File>> open_block_device(RefPtr<Inode> inode, std::uint32_t flags) {
    std::uint64_t number = inode->attributes().represented_device;
    std::size_t index = 0;
    while (index < disks.size() && block_device_number(index) != number) ++index;
    if (index == disks.size() || disks[index] == nullptr) return Errno::enxio;
    DiskContents& disk = *disks[index];
    bool writes = (flags & open_flag::access_mask) != open_flag::read_only;
    if (writes && disk.device().is_read_only()) return Errno::eacces;
    if (writes) sync_at_exit();
    return make_ref_as<File, BlockFile>(std::move(inode), flags, disk);
}

}  // namespace

void register_block_devices() {
    for (std::size_t i = 0; block::BlockDevice* device = block::device_at(i); ++i) {
        disks[i] = new (std::nothrow) DiskContents(*device);
        if (disks[i] != nullptr) register_device(FileType::block, block_device_number(i), open_block_device);
    }
}

}  // namespace husk::fs
