// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/other_nodes.hpp"

#include "guest-runtime/fs/ext4/ext4.hpp"
#include "guest-runtime/fs/file.hpp"

namespace husk::fs::ext4 {

namespace {

std::string_view characters(ConstBytes bytes) {
    // SAFETY: characters may alias anything; the span stays alive while the text is copied.
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<Text> SymlinkNode::target() {
    was_read();
    InodeRecord now = record();
    if (now.size_bytes == 0 || now.size_bytes >= volume().superblock().block_bytes) return Errno::euclean;
    if (fits_in_inode(now.size_bytes) && (now.flags & inode_flag::extents) == 0) {
        return Text::copy_of(characters(ConstBytes(now.area).first(now.size_bytes)));
    }
    Mapping mapping = HUSK_TRY(map(0));
    if (mapping.kind != Mapping::Kind::written) return Errno::euclean;
    block::BufferRef buffer = HUSK_TRY(volume().cache().get(mapping.physical));
    return Text::copy_of(characters(buffer->bytes().first(now.size_bytes)));
}

Result<> SymlinkNode::set_target(journal::Handle& handle, std::string_view target) {
    if (target.size() >= volume().superblock().block_bytes) return Errno::enametoolong;
    update([&](InodeRecord& record) { record.size_bytes = target.size(); });
    if (fits_in_inode(target.size())) {
        update([&](InodeRecord& record) { std::memcpy(record.area.data(), target.data(), target.size()); });
        return {};
    }
    std::uint64_t goal = volume().superblock().group_start(volume().inodes().group_of(number()));
    BlockRange range = HUSK_TRY(volume().blocks().allocate(handle, goal, 1, BlockAllocator::Claim::ordinary));
    block::BufferRef buffer = HUSK_TRY(volume().cache().fresh(range.first));
    HUSK_TRY(handle.modify(*buffer));
    std::memcpy(buffer->bytes().data(), target.data(), target.size());
    update([](InodeRecord& record) {
        record.flags |= inode_flag::extents;
        ExtentTree::format_root(record.area);
    });
    count_blocks(1);
    Guard guard(map_lock());
    return with_tree([&](ExtentTree& tree) { return tree.insert(handle, {0, 1, range.first, false}); });
}

Result<RefPtr<File>> SpecialNode::open(std::uint32_t flags) {
    if (type() != FileType::fifo) return Inode::open(flags);
    RefPtr<Pipe> pipe;
    {
        Guard guard(contents());
        if (!pipe_) pipe_ = HUSK_TRY(make_ref<Pipe>());
        pipe = pipe_;
    }
    return open_fifo(RefPtr<Inode>(this), std::move(pipe), flags);
}

}  // namespace husk::fs::ext4
