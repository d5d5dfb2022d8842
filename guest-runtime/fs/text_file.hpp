// SPDX-License-Identifier: Apache-2.0
// An open file whose contents were written when it was opened.
#pragma once

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

class TextFile final : public File {
public:
    using Store = Result<> (*)(std::string_view text, std::uint64_t id);

    TextFile(RefPtr<Inode> inode, std::uint32_t flags, Text contents, Store store, std::uint64_t id)
        : File(FileKind::device, std::move(inode), flags), contents_(std::move(contents)), store_(store), id_(id) {}

    Result<std::size_t> read(IoBuffer& to, std::optional<std::uint64_t> offset) override;
    Result<std::size_t> write(IoBuffer& from, std::optional<std::uint64_t> offset) override;
    [[nodiscard]] bool is_seekable() const override { return true; }
    Result<std::uint64_t> seek(std::int64_t offset, int whence) override;
    std::uint64_t position() override { return position_; }

private:
    Text contents_;
    Store store_;
    std::uint64_t id_;
    thread::Mutex position_lock_;
    std::uint64_t position_ = 0;
};

}  // namespace husk::fs
