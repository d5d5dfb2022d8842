// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/content_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/mount_disks.hpp"
#include "guest-runtime/fs/mount_table.hpp"
#include "guest-runtime/fs/page_cache.hpp"
#include "guest-runtime/fs/regular_file.hpp"
#include "guest-runtime/syscall/at_path.hpp"

namespace husk::sys {

namespace {

Result<> truncate_path(const Call& call) {
    if (static_cast<std::int64_t>(call[1]) < 0) return Errno::einval;
    RefPtr<fs::Inode> inode = HUSK_TRY(inode_at(fs::at_cwd, call.pointer<const char>(0), 0));
    if (inode->filesystem().is_read_only()) return Errno::erofs;
    return fs::resize_file(*inode, call[1]);
}

Result<> truncate_open(const Call& call) {
    if (static_cast<std::int64_t>(call[1]) < 0) return Errno::einval;
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(call.fd(0)));
    if (!file->is_writable() || file->kind() != fs::FileKind::regular) return Errno::einval;
    return fs::resize_file(file->inode(), call[1]);
}

Result<> allocate(const Call& call) {
    constexpr std::uint64_t keep_size = 1, punch_hole = 2, zero_range = 0x10;
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(call.fd(0)));
    std::uint64_t mode = call[1];
    std::uint64_t offset = call[2];
    std::uint64_t size = call[3];
    std::int64_t end;
    if (static_cast<std::int64_t>(offset) < 0 || static_cast<std::int64_t>(size) <= 0) return Errno::einval;
    if ((mode & ~(keep_size | punch_hole | zero_range)) != 0) return Errno::eopnotsupp;
    bool removes = (mode & punch_hole) != 0;
    bool zeroes = (mode & zero_range) != 0;
    if (removes && (zeroes || (mode & keep_size) == 0)) return Errno::eopnotsupp;
    if (!file->is_writable()) return Errno::ebadf;
    if (file->kind() == fs::FileKind::pipe) return Errno::espipe;
    if (file->kind() != fs::FileKind::regular) return Errno::enodev;
    if (__builtin_add_overflow(static_cast<std::int64_t>(offset), static_cast<std::int64_t>(size), &end)) {
        return Errno::efbig;
    }
    fs::Inode& inode = file->inode();
    Guard guard(inode.contents());
    if (removes || zeroes) HUSK_TRY(inode.punch_hole(offset, size));
    return removes ? Result<>() : inode.allocate(offset, size, (mode & keep_size) != 0);
}

Result<> sync_open(int fd, bool data_only) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(fd));
    bool has_contents = file->kind() == fs::FileKind::regular || file->kind() == fs::FileKind::directory ||
                        file->kind() == fs::FileKind::device;
    return has_contents ? file->sync(data_only) : Result<>(Errno::einval);
}

Result<> sync_filesystem(int fd) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(fd));
    return file->inode().filesystem().sync();
}

Result<RefPtr<fs::File>> seekable_file_of(int fd) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(fd));
    if (file->kind() == fs::FileKind::pipe) return Errno::espipe;
    return file;
}

// The end of a range whose size 0 means up to the end of the file.
std::uint64_t end_of_range(std::uint64_t offset, std::uint64_t size) {
    std::uint64_t end;
    return size == 0 || __builtin_add_overflow(offset, size, &end) ? UINT64_MAX : end;
}

Result<> sync_range(const Call& call) {
    constexpr std::uint64_t known =
        7;  // SYNC_FILE_RANGE_WAIT_BEFORE, WRITE, WAIT_AFTER: all of them write and wait here
    RefPtr<fs::File> file = HUSK_TRY(seekable_file_of(call.fd(0)));
    if ((call[3] & ~known) != 0 || static_cast<std::int64_t>(call[1] | call[2]) < 0) return Errno::einval;
    fs::PageCache* cache = file->data().page_cache();
    return cache == nullptr || call[3] == 0 ? Result<>() : cache->write_back(call[1], end_of_range(call[1], call[2]));
}

Result<> read_ahead(fs::File& file, std::uint64_t offset, std::uint64_t size) {
    fs::PageCache* cache = file.data().page_cache();
    std::uint64_t end = std::min(end_of_range(offset, size), cache != nullptr ? file.data().size_bytes() : 0);
    if (cache != nullptr && offset < end) cache->about_to_read(offset, end);
    return {};
}

Result<> advise(const Call& call) {
    constexpr std::uint64_t will_need = 3, dont_need = 4, last = 5;  // POSIX_FADV_
    RefPtr<fs::File> file = HUSK_TRY(seekable_file_of(call.fd(0)));
    if (call[3] > last || static_cast<std::int64_t>(call[2]) < 0) return Errno::einval;
    if (call[3] == will_need) return read_ahead(*file, call[1], call[2]);
    fs::PageCache* cache = file->data().page_cache();
    if (cache != nullptr && call[3] == dont_need) cache->drop_clean(call[1], end_of_range(call[1], call[2]));
    return {};
}

// Copies until `count` bytes, the end of `from` or a short write. Offsets as File::read() has them.
Result<std::size_t> copy_between(fs::File& from, std::optional<std::uint64_t> from_offset, fs::File& to,
                                 std::optional<std::uint64_t> to_offset, std::size_t count) {
    constexpr std::size_t bounce_bytes = 64 << 10;
    if (count == 0) return 0;
    auto bounce = HUSK_TRY(fs::HeapArray<std::byte>::create(std::min(count, bounce_bytes)));
    std::size_t done = 0;
    while (done < count) {
        fs::IoBuffer in = fs::IoBuffer::of_runtime(bounce.span().first(std::min(count - done, bounce.size())));
        auto got = from.read(in, from_offset);
        if (!got.ok()) return done != 0 ? Result<std::size_t>(done) : got.error();
        if (got.value() == 0) break;
        fs::IoBuffer out = fs::IoBuffer::of_runtime(bounce.span().first(got.value()));
        auto put = to.write(out, to_offset);
        std::size_t moved = put.ok() ? put.value() : 0;
        done += moved;
        if (from_offset) *from_offset += moved;
        if (to_offset) *to_offset += moved;
        if (moved == got.value()) continue;
        // What was read but not written goes back.
        if (!from_offset && from.is_seekable()) {
            auto back = -static_cast<std::int64_t>(got.value() - moved);
            HUSK_TRY(from.seek(back, fs::seek_from::current));
        }
        return done != 0 || put.ok() ? Result<std::size_t>(done) : put.error();
    }
    return done;
}

// An offset given by pointer, null for the file's own position.
Result<std::optional<std::uint64_t>> load_offset(UserPtr<std::int64_t> pointer) {
    if (!pointer) return std::optional<std::uint64_t>();
    std::int64_t offset = HUSK_TRY(pointer.load());
    if (offset < 0) return Errno::einval;
    return std::optional(static_cast<std::uint64_t>(offset));
}

Result<> store_offset(UserPtr<std::int64_t> pointer, const std::optional<std::uint64_t>& start, std::size_t moved) {
    return pointer ? pointer.store(static_cast<std::int64_t>(*start + moved)) : Result<>();
}

Result<std::size_t> send_file(const Call& call) {
    RefPtr<fs::File> to = HUSK_TRY(fs::file_of(call.fd(0)));
    RefPtr<fs::File> from = HUSK_TRY(fs::file_of(call.fd(1)));
    if (!from->is_readable() || !to->is_writable()) return Errno::ebadf;
    if (!from->is_seekable() || (to->flags() & fs::open_flag::append) != 0) return Errno::einval;
    auto pointer = call.pointer<std::int64_t>(2);
    auto offset = HUSK_TRY(load_offset(pointer));
    std::size_t count = std::min<std::size_t>(call[3], fs::IoBuffer::max_bytes);
    std::size_t moved = HUSK_TRY(copy_between(*from, offset, *to, {}, count));
    HUSK_TRY(store_offset(pointer, offset, moved));
    return moved;
}

Result<std::size_t> copy_range(const Call& call) {
    RefPtr<fs::File> from = HUSK_TRY(fs::file_of(call.fd(0)));
    RefPtr<fs::File> to = HUSK_TRY(fs::file_of(call.fd(2)));
    if (call[5] != 0) return Errno::einval;
    if (from->inode().is_directory() || to->inode().is_directory()) return Errno::eisdir;
    if (!from->inode().is_regular() || !to->inode().is_regular()) return Errno::einval;
    if (from->kind() != fs::FileKind::regular || to->kind() != fs::FileKind::regular) return Errno::einval;
    if (!from->is_readable() || !to->is_writable() || (to->flags() & fs::open_flag::append) != 0) return Errno::ebadf;
    auto from_pointer = call.pointer<std::int64_t>(1);
    auto to_pointer = call.pointer<std::int64_t>(3);
    auto from_offset = HUSK_TRY(load_offset(from_pointer));
    auto to_offset = HUSK_TRY(load_offset(to_pointer));
    std::size_t count = std::min<std::size_t>(call[4], fs::IoBuffer::max_bytes);
    if (&from->inode() == &to->inode()) {
        std::uint64_t source = from_offset.value_or(from->position());
        std::uint64_t target = to_offset.value_or(to->position());
        std::uint64_t size = from->inode().size_bytes();
        count = source < size ? std::min<std::size_t>(count, size - source) : 0;
        if (count != 0 && source < target + count && target < source + count) return Errno::einval;
    }
    std::size_t moved = HUSK_TRY(copy_between(*from, from_offset, *to, to_offset, count));
    HUSK_TRY(store_offset(from_pointer, from_offset, moved));
    HUSK_TRY(store_offset(to_pointer, to_offset, moved));
    return moved;
}

}  // namespace

SysResult sys_truncate(const Call& call) { return truncate_path(call); }
SysResult sys_ftruncate(const Call& call) { return truncate_open(call); }
SysResult sys_fallocate(const Call& call) { return allocate(call); }
SysResult sys_fsync(const Call& call) { return sync_open(call.fd(0), false); }
SysResult sys_fdatasync(const Call& call) { return sync_open(call.fd(0), true); }
SysResult sys_sync(const Call&) {
    // As in Linux, sync() has no errors to give.
    for (std::size_t i = 0; const fs::Mount* entry = fs::mount_at(i); ++i) (void)entry->filesystem->sync();
    (void)fs::sync_disks();
    return 0;
}
SysResult sys_syncfs(const Call& call) { return sync_filesystem(call.fd(0)); }
SysResult sys_sync_file_range(const Call& call) { return sync_range(call); }
SysResult sys_fadvise64(const Call& call) { return advise(call); }
SysResult sys_readahead(const Call& call) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(call.fd(0)));
    if (!file->is_readable()) return Errno::ebadf;
    bool has_contents = file->kind() == fs::FileKind::regular || file->kind() == fs::FileKind::device;
    return has_contents ? read_ahead(*file, call[1], call[2]) : Result<>(Errno::einval);
}
SysResult sys_sendfile(const Call& call) { return send_file(call); }
SysResult sys_copy_file_range(const Call& call) { return copy_range(call); }

}  // namespace husk::sys
