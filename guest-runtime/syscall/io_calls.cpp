// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/io_calls.hpp"

#include <optional>

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/terminal.hpp"
#include "guest-runtime/fs/user_segments.hpp"

namespace husk::sys {

namespace {

using Offset = std::optional<std::uint64_t>;

// RWF_* of preadv2(2) and pwritev2(2). RWF_NOWAIT is not served, as by Linux's own file system in memory.
namespace move_flag {
constexpr std::uint64_t high_priority = 0x1, data_sync = 0x2, sync = 0x4, append = 0x10;
}

// Nothing to move is an answer before any flag is looked at, as in Linux.
Result<> check_flags(std::uint64_t flags, const fs::IoBuffer& buffer) {
    constexpr std::uint64_t taken =
        move_flag::high_priority | move_flag::data_sync | move_flag::sync | move_flag::append;
    return (flags & ~taken) != 0 && buffer.remaining() != 0 ? Errno::eopnotsupp : Result<>();
}

// Linux looks at all of a range before it moves a byte: one that leaves the application's half is EFAULT even where
// less would be moved.
Result<> check_range(const fs::UserSegment& segment) {
    constexpr std::uint64_t end = 0x7fff'ffff'f000;
    return segment.size_bytes > end || segment.address > end - segment.size_bytes ? Errno::efault : Result<>();
}

Result<std::size_t> read_from(int fd, fs::IoBuffer buffer, Offset offset, std::uint64_t flags) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(fd));
    if (offset && !file->is_seekable()) return Errno::espipe;
    if (!file->is_readable()) return Errno::ebadf;
    HUSK_TRY(check_flags(flags, buffer));
    return file->read(buffer, offset);
}

Result<std::size_t> write_to(int fd, fs::IoBuffer buffer, Offset offset, std::uint64_t flags) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(fd));
    if (offset && !file->is_seekable()) return Errno::espipe;
    if (!file->is_writable()) return Errno::ebadf;
    HUSK_TRY(check_flags(flags, buffer));
    bool appends = (flags & move_flag::append) != 0 && file->is_seekable();
    std::size_t written = HUSK_TRY(file->write(buffer, appends ? Offset(fs::File::at_end) : offset));
    if (appends && !offset) HUSK_TRY(file->seek(0, fs::seek_from::end));
    if ((flags & (move_flag::data_sync | move_flag::sync)) != 0 && written != 0) {
        HUSK_TRY(file->sync((flags & move_flag::sync) == 0));
    }
    return written;
}

using Transfer = Result<std::size_t> (*)(int fd, fs::IoBuffer buffer, Offset offset, std::uint64_t flags);

SysResult transfer_one(const Call& call, Transfer transfer, Offset offset) {
    if (static_cast<std::int64_t>(call[2]) < 0) return Errno::einval;
    fs::UserSegment segment = {call[1], call[2]};
    if (!check_range(segment).ok()) {
        // The descriptor's errors come first.
        HUSK_TRY(transfer(call.fd(0), fs::IoBuffer(std::span<const fs::UserSegment>()), offset, 0));
        return Errno::efault;
    }
    return transfer(call.fd(0), fs::IoBuffer({&segment, 1}), offset, 0);
}

SysResult transfer_one_at(const Call& call, Transfer transfer) {
    if (static_cast<std::int64_t>(call[3]) < 0) return Errno::einval;
    return transfer_one(call, transfer, call[3]);
}

Result<std::size_t> transfer_many(const Call& call, Transfer transfer, Offset offset, std::uint64_t flags = 0) {
    fs::UserSegments segments;
    HUSK_TRY(segments.load(call.pointer<fs::UserSegment>(1), call[2]));
    for (const fs::UserSegment& segment : segments.view()) HUSK_TRY(check_range(segment));
    return transfer(call.fd(0), fs::IoBuffer(segments.view()), offset, flags);
}

SysResult transfer_many_at(const Call& call, Transfer transfer, std::uint64_t flags = 0) {
    if (static_cast<std::int64_t>(call[3]) < 0) return Errno::einval;
    return transfer_many(call, transfer, call[3], flags);
}

SysResult transfer_with_flags(const Call& call, Transfer transfer) {
    std::uint64_t flags = static_cast<std::uint32_t>(call[5]);
    if (call[3] == UINT64_MAX) return transfer_many(call, transfer, {}, flags);
    return transfer_many_at(call, transfer, flags);
}

}  // namespace

SysResult sys_read(const Call& call) { return transfer_one(call, read_from, {}); }
SysResult sys_write(const Call& call) { return transfer_one(call, write_to, {}); }
SysResult sys_readv(const Call& call) { return transfer_many(call, read_from, {}); }
SysResult sys_writev(const Call& call) { return transfer_many(call, write_to, {}); }
SysResult sys_pread64(const Call& call) { return transfer_one_at(call, read_from); }
SysResult sys_pwrite64(const Call& call) { return transfer_one_at(call, write_to); }
SysResult sys_preadv(const Call& call) { return transfer_many_at(call, read_from); }
SysResult sys_pwritev(const Call& call) { return transfer_many_at(call, write_to); }
SysResult sys_preadv2(const Call& call) { return transfer_with_flags(call, read_from); }
SysResult sys_pwritev2(const Call& call) { return transfer_with_flags(call, write_to); }

SysResult sys_lseek(const Call& call) {
    auto file = fs::file_of(call.fd(0));
    if (!file.ok()) return file.error();
    return file.value()->seek(static_cast<std::int64_t>(call[1]), call.integer(2));
}

SysResult sys_ioctl(const Call& call) {
    auto opened = fs::file_of(call.fd(0));
    if (!opened.ok()) return opened.error();
    fs::File& file = *opened.value();
    // The kernel takes the request as 32 bits.
    std::uint64_t request = static_cast<std::uint32_t>(call[1]);
    switch (request) {
        case fs::ioctl_request::fionclex:
            return fs::descriptors().set_close_on_exec(call.fd(0), false);
        case fs::ioctl_request::fioclex:
            return fs::descriptors().set_close_on_exec(call.fd(0), true);
        case fs::ioctl_request::fionbio: {
            auto on = call.pointer<std::int32_t>(2).load();
            if (!on.ok()) return on.error();
            std::uint32_t others = file.flags() & ~fs::open_flag::non_block;
            file.set_flags(others | (on.value() != 0 ? fs::open_flag::non_block : 0));
            return 0;
        }
        default:
            return file.ioctl(request, call[2]);
    }
}

}  // namespace husk::sys
