// SPDX-License-Identifier: Apache-2.0
// O_DIRECT: bytes between a disk and the application's memory, past the page cache.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/io_buffer.hpp"
#include "guest-runtime/fs/page_cache.hpp"

namespace husk::fs {

// Offset, addresses and sizes are multiples of the device's logical block, otherwise EINVAL. Both see the
// same unless they are used at the same time: a read first writes what is dirty of the range. It ends at `file_bytes`.
// EIO, EFAULT.
Result<std::size_t> read_directly(PageCache& cache, IoBuffer& to, std::uint64_t offset, std::uint64_t file_bytes);
// The first part of a write: what the cache holds of the range is written and dropped. false: mappings hold pages of
// it, and would show old bytes, or later write them: the write has to go through the cache.
Result<bool> prepare_direct_write(PageCache& cache, const IoBuffer& from, std::uint64_t offset);
// The second part. Blocks are reserved.
Result<std::size_t> write_directly(PageCache& cache, IoBuffer& from, std::uint64_t offset);
// The last one, once the inode has the size that follows: readers may have brought pages back meanwhile, with the old
// bytes. They go or get the new ones too. `from` is what was written. EFAULT, EIO, ENOMEM.
Result<> finish_direct_write(PageCache& cache, IoBuffer from, std::uint64_t offset);

}  // namespace husk::fs
