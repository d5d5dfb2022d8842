// SPDX-License-Identifier: Apache-2.0
// An open file with contents by pages, regular or a disk: bytes at a position.
#pragma once

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

class RegularFile : public File {
public:
    RegularFile(RefPtr<Inode> inode, std::uint32_t flags)
        : File(FileKind::regular, std::move(inode), flags), data_(&File::inode()) {}

    Result<std::size_t> read(IoBuffer& to, std::optional<std::uint64_t> offset) override;
    Result<std::size_t> write(IoBuffer& from, std::optional<std::uint64_t> offset) override;
    [[nodiscard]] bool is_seekable() const override { return true; }
    Result<std::uint64_t> seek(std::int64_t offset, int whence) override;
    Result<long> ioctl(std::uint64_t request, std::uint64_t argument) override;
    std::uint64_t position() override { return position_; }
    [[nodiscard]] Inode& data() const override { return *data_; }

protected:
    // The name leads to `inode`, the contents are another one's, which lives as long as the VM.
    RegularFile(FileKind kind, RefPtr<Inode> inode, std::uint32_t flags, Inode& contents)
        : File(kind, std::move(inode), flags), data_(&contents) {}

private:
    Result<std::size_t> read_at(IoBuffer& to, std::uint64_t offset);
    Result<std::size_t> write_at(IoBuffer& from, std::uint64_t& offset);

    [[nodiscard]] bool moves_directly(const IoBuffer& buffer) const;
    Result<std::size_t> write_pages(IoBuffer& from, std::uint64_t& offset);
    Result<> after_write();

    Inode* data_;
    thread::Mutex position_lock_;
    std::uint64_t position_ = 0;
};

// Truncates or extends, with the checks of truncate(2).
Result<> resize_file(Inode& inode, std::uint64_t size_bytes);

}  // namespace husk::fs
