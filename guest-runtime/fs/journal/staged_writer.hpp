// SPDX-License-Identifier: Apache-2.0
// Gathers copies of blocks in memory of its own and writes them with as few requests as possible, all in flight at
// once.
//
//   store into HUSK_TRY(writer.next(device_block)) ...;  writer.submit();  HUSK_TRY(writer.finish());
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/heap_array.hpp"

namespace husk::journal {

// Used by one thread at a time, from the first next() to finish().
class StagedWriter {
public:
    StagedWriter(block::BlockDevice& device, std::uint32_t block_bytes) : device_(device), block_bytes_(block_bytes) {}
    // `blocks`: how many it gathers. ENOMEM.
    Result<> initialise(std::uint32_t blocks);

    [[nodiscard]] std::uint32_t capacity() const { return capacity_; }
    // Room for that many blocks (<= capacity()), so that none of them is written before submit() or finish(). Writes
    // what was gathered before if it has to. EIO.
    Result<> make_room(std::uint32_t blocks);
    // Memory for the copy that goes to `device_block`. Writes out when full or when that block is in it already.
    Result<std::span<std::byte>> next(std::uint64_t device_block);
    // Takes back the last next(), which has not been submitted.
    void drop_last();
    // Starts writing. Nothing may be added until finish().
    void submit();
    // Waits until everything is written; afterwards it is empty. EIO.
    Result<> finish();

private:
    // Blocks that follow each other both here and on the device.
    struct Run {
        std::uint64_t device_block;
        std::uint32_t first;
        std::uint32_t blocks;
        block::Piece piece;
        std::optional<block::AwaitedRequest> request;
    };
    [[nodiscard]] bool has(std::uint64_t device_block) const;

    block::BlockDevice& device_;
    std::uint32_t block_bytes_;
    std::uint32_t capacity_ = 0;
    fs::HeapArray<std::byte> memory_;
    std::unique_ptr<Run[]> runs_;
    std::uint32_t used_ = 0;
    std::uint32_t run_count_ = 0;
    bool is_submitted_ = false;
};

}  // namespace husk::journal
