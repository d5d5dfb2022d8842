// SPDX-License-Identifier: Apache-2.0
// O_DIRECT: bytes between a disk and the application's memory, past the page cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/io_buffer.hpp"
#include "guest-runtime/fs/page_cache.hpp"

namespace husk::fs {

// Offset, addresses and sizes are multiples of the device's logical block, otherwise EINVAL. What the cache holds of
// the range is written first and dropped, so that both see the same unless they are used at the same time. A read ends
// at `file_bytes`. EIO, EFAULT.
Result<std::size_t> read_directly(PageCache& cache, IoBuffer& to, std::uint64_t offset, std::uint64_t file_bytes);
// Blocks are reserved; a range of which pages are held by mappings goes through the cache, and is written at once.
Result<std::size_t> write_directly(PageCache& cache, IoBuffer& from, std::uint64_t offset);

}  // namespace husk::fs
