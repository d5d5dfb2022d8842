// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/directory_file.hpp"

#include "guest-runtime/fs/filesystem.hpp"

namespace husk::fs {

namespace {

// Passes entries on and remembers where the listing stands.
class PositionKeeper final : public DirectoryVisitor {
public:
    PositionKeeper(DirectoryVisitor& visitor, std::uint64_t& position) : visitor_(visitor), position_(position) {}
    bool visit(std::string_view name, std::uint64_t number, FileType type, std::uint64_t next) override {
        if (!visitor_.visit(name, number, type, next)) return false;
        position_ = next;
        return true;
    }

private:
    DirectoryVisitor& visitor_;
    std::uint64_t& position_;
};

}  // namespace

Result<> DirectoryFile::list(DirectoryVisitor& visitor) {
    Guard guard(position_lock_);
    PositionKeeper keeper(visitor, position_);
    Guard structure_guard(inode().filesystem().structure());
    return inode().list(position_, keeper);
}

Result<std::uint64_t> DirectoryFile::seek(std::int64_t offset, int whence) {
    Guard guard(position_lock_);
    if (whence == seek_from::current) {
        if (__builtin_add_overflow(offset, static_cast<std::int64_t>(position_), &offset)) return Errno::eoverflow;
    } else if (whence != seek_from::start) {
        return Errno::einval;
    }
    if (offset < 0) return Errno::einval;
    position_ = static_cast<std::uint64_t>(offset);
    return position_;
}

}  // namespace husk::fs
