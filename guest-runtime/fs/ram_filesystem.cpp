// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ram_filesystem.hpp"

#include <algorithm>

#include "guest-runtime/fs/file.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/fs/pipe.hpp"
#include "guest-runtime/fs/ram_directory.hpp"
#include "guest-runtime/fs/ram_file.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/reclaim.hpp"

namespace husk::fs {

namespace {

class RamSymlink final : public RamInode {
public:
    RamSymlink(RamFilesystem& filesystem, Text target)
        : RamInode(filesystem, FileType::symlink, 0777), target_(std::move(target)) {}
    Result<Text> target() override {
        touch_accessed();
        return Text::copy_of(target_.view());
    }

protected:
    void describe(Attributes& attributes) override { attributes.size_bytes = target_.size(); }

private:
    Text target_;
};

// Device nodes, FIFOs and names of sockets: the contents are elsewhere.
class RamNode final : public RamInode {
public:
    RamNode(RamFilesystem& filesystem, const NewInode& wanted)
        : RamInode(filesystem, wanted.type, wanted.permissions, wanted.represented_device) {}
    Result<RefPtr<File>> open(std::uint32_t flags) override {
        if (type() != FileType::fifo) return Inode::open(flags);
        RefPtr<Pipe> pipe = HUSK_TRY(fifo_pipe());
        return open_fifo(RefPtr<Inode>(this), std::move(pipe), flags);
    }

protected:
    void describe(Attributes&) override {}

private:
    Result<RefPtr<Pipe>> fifo_pipe() {
        Guard guard(contents());
        if (!pipe_) pipe_ = HUSK_TRY(make_ref<Pipe>());
        return pipe_;
    }
    RefPtr<Pipe> pipe_;
};

}  // namespace

Result<RefPtr<Inode>> make_ram_inode(RamFilesystem& filesystem, const NewInode& wanted) {
    switch (wanted.type) {
        case FileType::regular:
            return make_ref_as<Inode, RamFile>(filesystem, wanted.permissions);
        case FileType::directory:
            return make_ref_as<Inode, RamDirectory>(filesystem, wanted.permissions);
        case FileType::symlink: {
            Text target = HUSK_TRY(Text::copy_of(wanted.target));
            return make_ref_as<Inode, RamSymlink>(filesystem, std::move(target));
        }
        case FileType::fifo:
        case FileType::character:
        case FileType::block:
        case FileType::socket:
            return make_ref_as<Inode, RamNode>(filesystem, wanted);
        case FileType::none:
            break;
    }
    return Errno::einval;
}

Result<RefPtr<Inode>> RamFilesystem::root() {
    if (root_ == nullptr) {
        RefPtr<Inode> root =
            HUSK_TRY(make_ram_inode(*this, {.type = FileType::directory, .permissions = 0755, .target = {}}));
        static_cast<RamDirectory&>(*root).become_root();
        root_ = root.leak();
    }
    return RefPtr<Inode>(root_);
}

Result<> RamFilesystem::check_room(std::uint64_t pages) {
    // Thread stacks and MAP_NORESERVE memory come out of what nobody was promised, as files do.
    constexpr std::uint64_t left_alone = 64;
    (void)memory::make_spare(pages + left_alone);
    if (memory::frame_counts().spare() < pages + left_alone) return Errno::enospc;
    return {};
}

FilesystemCounts RamFilesystem::counts() {
    constexpr std::uint64_t tmpfs_magic = 0x01021994;
    memory::FrameCounts frames = memory::frame_counts();
    std::uint64_t inodes = inodes_.load(std::memory_order_relaxed);
    // All of memory, as the limit of a tmpfs does not change with what others take of it.
    return {.magic = tmpfs_magic,
            .block_bytes = abi::page_size,
            .blocks = frames.total,
            .blocks_free = frames.spare(),
            .inodes = inodes + frames.spare(),
            .inodes_free = frames.spare()};
}

}  // namespace husk::fs
