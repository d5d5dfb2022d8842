// SPDX-License-Identifier: Apache-2.0
// Recovery's view of a journal that lies on the file system's own device.
#pragma once

#include "guest-runtime/fs/block/buffer_cache.hpp"
#include "guest-runtime/fs/journal/journal_map.hpp"
#include "guest-runtime/fs/journal/recovery.hpp"
#include "guest-runtime/fs/journal/staged_writer.hpp"

namespace husk::journal {

class DeviceRecovery final : public RecoveryStorage {
public:
    DeviceRecovery(block::BufferCache& cache, const JournalMap& map)
        : cache_(cache), map_(map), writer_(cache.device(), cache.block_bytes()) {}
    Result<> initialise();
    Result<> read_log(std::uint32_t index, std::span<std::byte> to) override;
    Result<> write_home(std::uint64_t block, std::span<const std::byte> from) override;
    // What is still gathered. EIO.
    Result<> finish() { return writer_.finish(); }

private:
    block::BufferCache& cache_;
    const JournalMap& map_;
    StagedWriter writer_;
    fs::HeapArray<std::byte> window_;  // blocks of the log read ahead
    std::uint32_t window_begin_ = 0;
    std::uint32_t window_blocks_ = 0;
};

}  // namespace husk::journal
