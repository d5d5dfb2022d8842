// SPDX-License-Identifier: Apache-2.0
// An open directory of any file system.
#pragma once

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

class DirectoryFile final : public File {
public:
    DirectoryFile(RefPtr<Inode> inode, std::uint32_t flags) : File(FileKind::directory, std::move(inode), flags) {}

    Result<std::size_t> read(IoBuffer&, std::optional<std::uint64_t>) override { return Errno::eisdir; }
    [[nodiscard]] bool is_seekable() const override { return true; }
    Result<std::uint64_t> seek(std::int64_t offset, int whence) override;
    Result<> list(DirectoryVisitor& visitor) override;
    std::uint64_t position() override { return position_; }

private:
    thread::Mutex position_lock_;
    std::uint64_t position_ = 0;
};

// An O_PATH description: a place, not contents.
class PathFile final : public File {
public:
    PathFile(RefPtr<Inode> inode, std::uint32_t flags) : File(FileKind::path, std::move(inode), flags) {}
};

}  // namespace husk::fs
