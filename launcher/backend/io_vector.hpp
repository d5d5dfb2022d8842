// SPDX-License-Identifier: Apache-2.0
// Transfers between a file and many pieces of memory, all or an error.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace husk::backend {

// Each returns 0 or an errno, and consumes the pieces. The end of the file comes as EIO.
[[nodiscard]] int read_all(int fd, std::uint64_t offset, std::span<iovec> pieces);
[[nodiscard]] int write_all(int fd, std::uint64_t offset, std::span<iovec> pieces);

// The range reads as zeros from here on. as_hole: it need not keep its room. Returns 0 or an errno.
[[nodiscard]] int zero_range(int fd, std::uint64_t offset, std::uint64_t size_bytes, bool as_hole);

// Takes the first `size_bytes` off the pieces. Returns what is left.
[[nodiscard]] std::span<iovec> drop_front(std::span<iovec> pieces, std::size_t size_bytes);

// Cuts pieces where a transfer is to be cut.
class PieceReader final {
public:
    explicit PieceReader(std::span<iovec> pieces);

    [[nodiscard]] std::uint64_t left_bytes() const { return left_bytes_; }

    // The next size_bytes, of which there are as many.
    [[nodiscard]] std::vector<iovec> take(std::uint64_t size_bytes);

private:
    std::span<iovec> pieces_;
    std::uint64_t left_bytes_ = 0;
};

}  // namespace husk::backend
