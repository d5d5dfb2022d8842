// SPDX-License-Identifier: Apache-2.0
// Where the bytes of one file lie on its device: what a file system tells the page cache and direct I/O.
#pragma once

#include <cstdint>
#include <optional>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/block/block_device.hpp"

namespace husk::fs {

// The beginning of a range that was asked for.
struct BlockRun {
    std::uint64_t size_bytes = 0;                // whole blocks, at least one, at most what was asked for
    std::optional<std::uint64_t> device_offset;  // bytes; none: a hole, which reads as zeros
};

// Offsets and sizes are in bytes, and multiples of block_bytes(). All calls may sleep, and come with no Spinlock held;
// but those of write-back come from any thread, also one that holds Inode::contents() of this or another file, or, from
// reserve(), a transaction of the caller's.
class BlockMap {
public:
    virtual block::BlockDevice& device() = 0;
    [[nodiscard]] virtual std::uint32_t block_bytes() const = 0;  // a power of two, at most page_size
    // Of the file. Pages are read and written up to this, rounded up to blocks; behind it they are zeros.
    virtual std::uint64_t size_bytes() = 0;

    // For a read. Blocks that were reserved or placed but never written (delayed allocation, unwritten extents) are a
    // hole until on_written_back(): a page is read again when it was dropped before that.
    virtual Result<BlockRun> find(std::uint64_t offset, std::uint64_t size_bytes) = 0;
    // The range is about to be written in the cache; place() should not fail for it later. ENOSPC, EROFS, EIO.
    virtual Result<> reserve(std::uint64_t, std::uint64_t) { return {}; }
    // For a write that follows at once: where the blocks lie, also those that were only reserved. Still a hole: nothing
    // was reserved there, and nothing is written.
    virtual Result<BlockRun> place(std::uint64_t offset, std::uint64_t size_bytes) = 0;
    // The range has been written to the device (which may still have it in its own cache).
    virtual Result<> on_written_back(std::uint64_t, std::uint64_t) { return {}; }

protected:
    ~BlockMap() = default;
};

}  // namespace husk::fs
