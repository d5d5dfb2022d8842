// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/io_vector.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace husk::backend {

namespace {

constexpr std::size_t page_bytes = 4096;

template <class Transfer>
int transfer_all(std::uint64_t offset, std::span<iovec> pieces, Transfer transfer) {
    while (!pieces.empty()) {
        const int count = static_cast<int>(std::min<std::size_t>(pieces.size(), IOV_MAX));
        const ssize_t done = transfer(pieces.data(), count, static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return errno;
        if (done == 0) return EIO;  // the file ends: somebody has truncated it
        offset += static_cast<std::uint64_t>(done);
        pieces = drop_front(pieces, static_cast<std::size_t>(done));
    }
    return 0;
}

}  // namespace

int read_all(int fd, std::uint64_t offset, std::span<iovec> pieces) {
    return transfer_all(offset, pieces,
                        [fd](const iovec* list, int count, off_t at) { return ::preadv(fd, list, count, at); });
}

int write_all(int fd, std::uint64_t offset, std::span<iovec> pieces) {
    return transfer_all(offset, pieces,
                        [fd](const iovec* list, int count, off_t at) { return ::pwritev(fd, list, count, at); });
}

int zero_range(int fd, std::uint64_t offset, std::uint64_t size_bytes, bool as_hole) {
    const int mode = (as_hole ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) | FALLOC_FL_KEEP_SIZE;
    if (::fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(size_bytes)) == 0) return 0;
    if (errno != EOPNOTSUPP) return errno;
    // A file system that can do neither gets the zeros written.
    alignas(page_bytes) static std::array<std::byte, 16 * page_bytes> zeros;
    while (size_bytes != 0) {
        const std::uint64_t count = std::min<std::uint64_t>(size_bytes, zeros.size());
        iovec piece{zeros.data(), count};
        if (const int failed = write_all(fd, offset, {&piece, 1}); failed != 0) return failed;
        offset += count;
        size_bytes -= count;
    }
    return 0;
}

std::span<iovec> drop_front(std::span<iovec> pieces, std::size_t size_bytes) {
    while (!pieces.empty() && size_bytes >= pieces.front().iov_len) {
        size_bytes -= pieces.front().iov_len;
        pieces = pieces.subspan(1);
    }
    if (size_bytes != 0) {
        pieces.front().iov_base = static_cast<std::byte*>(pieces.front().iov_base) + size_bytes;
        pieces.front().iov_len -= size_bytes;
    }
    return pieces;
}

PieceReader::PieceReader(std::span<iovec> pieces) : pieces_(pieces) {
    for (const iovec& piece : pieces) left_bytes_ += piece.iov_len;
}

std::vector<iovec> PieceReader::take(std::uint64_t size_bytes) {
    std::vector<iovec> taken;
    left_bytes_ -= size_bytes;
    while (size_bytes != 0) {
        const std::size_t count = std::min<std::uint64_t>(pieces_.front().iov_len, size_bytes);
        if (count != 0) taken.push_back({pieces_.front().iov_base, count});
        pieces_ = drop_front(pieces_, count);
        size_bytes -= count;
    }
    return taken;
}

}  // namespace husk::backend
