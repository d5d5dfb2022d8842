// SPDX-License-Identifier: Apache-2.0
// Where the journal's blocks lie on the device: the block map of the journal inode.
#pragma once

#include <cstdint>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/heap_array.hpp"

namespace husk::journal {

class JournalMap {
public:
    struct Run {
        std::uint64_t device_block;
        std::uint32_t blocks;
    };

    // The next `blocks` blocks of the journal begin at `device_block`. ENOMEM; EFBIG when there are too many.
    Result<> append(std::uint64_t device_block, std::uint32_t blocks);
    [[nodiscard]] std::uint32_t block_count() const { return block_count_; }
    // Where journal block `index` (< block_count()) lies, and how many of the next `wanted` follow it on the device.
    [[nodiscard]] Run find(std::uint32_t index, std::uint32_t wanted) const;

private:
    struct Extent {
        std::uint32_t first_index;
        Run run;
    };
    fs::HeapArray<Extent> extents_;
    std::size_t used_ = 0;
    std::uint32_t block_count_ = 0;
};

}  // namespace husk::journal
