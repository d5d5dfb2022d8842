// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/disk_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <husk/abi/virtio/block.hpp>

#include "launcher/backend/file_lock.hpp"
#include "launcher/backend/io_vector.hpp"
#include "launcher/backend/pool_engine.hpp"
#include "launcher/backend/uring_engine.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"

namespace husk::backend {

namespace {

using config::DiskCache;
using config::fill_in;
using host::ExitCode;

constexpr std::uint32_t usual_alignment = 4096;  // of direct transfers

[[noreturn]] void refuse(ExitCode code, std::string_view text, const std::filesystem::path& path, int error_number) {
    throw host::Error(code, fill_in(text, path.native(), strerrordesc_np(error_number)));
}

host::FileDescriptor open_file(const std::filesystem::path& path, const DiskFileOptions& options) {
    int flags = O_CLOEXEC | O_NOCTTY | (options.read_only ? O_RDONLY : O_RDWR);
    if (options.cache == DiskCache::none) flags |= O_DIRECT;
    host::FileDescriptor fd(::open(path.c_str(), flags));
    if (fd.is_open()) return fd;
    const int error = errno;
    if (error == EISDIR) refuse(ExitCode::disk_unreadable, "the disk {} is a directory, not a disk image", path, error);
    if (error == EINVAL && options.cache == DiskCache::none)
        refuse(ExitCode::bad_disk, "the disk {} lies on a file system without O_DIRECT: leave out cache=none", path,
               error);
    if (error == ENOENT)
        refuse(ExitCode::disk_unreadable, "there is no disk {}: 'husk disk create' makes one", path, error);
    refuse(ExitCode::disk_unreadable,
           options.read_only ? "cannot read the disk {}: {}" : "cannot open the disk {} for writing: {}", path, error);
}

// What O_DIRECT asks of offsets; the sector where it is not used.
std::uint32_t direct_block_bytes(int fd, DiskCache cache) {
    constexpr auto sector_bytes = static_cast<std::uint32_t>(abi::virtio::sector_bytes);
    struct statx facts {};
    if (cache != DiskCache::none || ::statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &facts) != 0) return sector_bytes;
    if ((facts.stx_mask & STATX_DIOALIGN) == 0) return usual_alignment;  // an older kernel: what every disk takes
    return std::max(facts.stx_dio_offset_align, sector_bytes);
}

int error_of(int result) { return result == 0 ? 0 : errno; }

}  // namespace

DiskFile DiskFile::open(const std::filesystem::path& path, const DiskFileOptions& options) {
    host::FileDescriptor fd = open_file(path, options);
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0)
        refuse(ExitCode::disk_unreadable, "cannot look at the disk {}: {}", path, errno);
    if (S_ISDIR(facts.st_mode))
        refuse(ExitCode::disk_unreadable, "the disk {} is a directory, not a disk image", path, EISDIR);
    if (!S_ISREG(facts.st_mode) && !S_ISBLK(facts.st_mode))
        refuse(ExitCode::bad_disk, "the disk {} is neither a file nor a block device", path, EINVAL);
    lock_file(fd.get(), options.read_only ? LockKind::shared : LockKind::exclusive, path);
    const off_t size = ::lseek(fd.get(), 0, SEEK_END);
    if (size < 0) refuse(ExitCode::disk_unreadable, "cannot tell the size of the disk {}: {}", path, errno);
    const auto size_bytes = static_cast<std::uint64_t>(size);
    if (size_bytes == 0 || size_bytes % abi::virtio::sector_bytes != 0)
        throw host::Error(ExitCode::bad_disk,
                          fill_in("the disk {} has {} bytes, which is no whole number of sectors of "
                                  "512: 'husk disk create' makes a proper one",
                                  path.native(), size_bytes));
    return {std::move(fd), size_bytes, options.cache};
}

DiskFile::DiskFile(host::FileDescriptor fd, std::uint64_t size_bytes, DiskCache cache)
    : fd_(std::move(fd)), size_bytes_(size_bytes), cache_(cache), block_bytes_(direct_block_bytes(fd_.get(), cache)) {}

int DiskFile::read(std::uint64_t offset, std::span<iovec> pieces) { return read_all(fd_.get(), offset, pieces); }

int DiskFile::write(std::uint64_t offset, std::span<iovec> pieces) { return write_all(fd_.get(), offset, pieces); }

int DiskFile::flush() { return fakes_flush() ? 0 : error_of(::fdatasync(fd_.get())); }

int DiskFile::discard(std::uint64_t offset, std::uint64_t size_bytes) {
    const int error = error_of(::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                           static_cast<off_t>(offset), static_cast<off_t>(size_bytes)));
    return error == EOPNOTSUPP ? 0 : error;  // a hint: keeping the content is right, too
}

int DiskFile::write_zeroes(std::uint64_t offset, std::uint64_t size_bytes, bool may_unmap) {
    return zero_range(fd_.get(), offset, size_bytes, may_unmap);
}

std::unique_ptr<IoEngine> DiskFile::make_engine() {
    if (auto engine = UringEngine::try_create(*this)) return engine;
    return std::make_unique<PoolEngine>(*this);
}

}  // namespace husk::backend
