// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/file_source.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/image/refuse.hpp"

namespace husk::image {

using host::ExitCode;

FileSource::FileSource(const host::FileDescriptor& file, std::string name) : fd_(file.get()), name_(std::move(name)) {
    struct stat status {};
    if (fstat(fd_, &status) != 0)
        refuse(ExitCode::image_unreadable, name_, "cannot be examined: {}", std::strerror(errno));
    if (S_ISDIR(status.st_mode)) refuse(ExitCode::image_unreadable, name_, "is a directory; name the program itself");
    if (!S_ISREG(status.st_mode))
        refuse(ExitCode::image_unreadable, name_, "is not a regular file; name the program itself");
    size_bytes_ = static_cast<std::uint64_t>(status.st_size);
    head_bytes_ = std::min<std::uint64_t>(size_bytes_, head_.size());
    read_at(0, std::span(head_).first(head_bytes_));
}

void FileSource::copy_out(std::uint64_t offset, std::span<std::byte> bytes) const {
    if (offset <= head_bytes_ && bytes.size() <= head_bytes_ - offset) {
        std::memcpy(bytes.data(), head_.data() + offset, bytes.size());
    } else {
        read_at(offset, bytes);
    }
}

void FileSource::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
    while (!bytes.empty()) {
        const ssize_t got = pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) refuse(ExitCode::image_unreadable, name_, "cannot be read: {}", std::strerror(errno));
        if (got == 0) refuse(ExitCode::truncated_elf, name_, "became shorter while it was read; run it again");
        offset += static_cast<std::uint64_t>(got);
        bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
}

}  // namespace husk::image
