// SPDX-License-Identifier: Apache-2.0
// Symlinks, and the names of objects whose contents are elsewhere: devices, FIFOs, sockets.
#pragma once

#include "guest-runtime/fs/ext4/node.hpp"
#include "guest-runtime/fs/pipe.hpp"

namespace husk::fs::ext4 {

class SymlinkNode final : public Node {
public:
    SymlinkNode(Ext4& filesystem, std::uint32_t number, const InodeRecord& record)
        : Node(filesystem, FileType::symlink, number, record) {}

    Result<Text> target() override;
    // Of a new one; the caller stores the inode. ENAMETOOLONG beyond a block, ENOSPC.
    Result<> set_target(journal::Handle& handle, std::string_view target);

private:
    // Short texts lie in the inode itself.
    [[nodiscard]] static bool fits_in_inode(std::uint64_t bytes) { return bytes < inode_area_bytes; }
};

class SpecialNode final : public Node {
public:
    SpecialNode(Ext4& filesystem, FileType type, std::uint32_t number, const InodeRecord& record)
        : Node(filesystem, type, number, record) {}

    Result<RefPtr<File>> open(std::uint32_t flags) override;

private:
    RefPtr<Pipe> pipe_;  // of a FIFO, guarded by contents()
};

}  // namespace husk::fs::ext4
