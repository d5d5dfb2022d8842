// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/device_recovery.hpp"

#include "guest-runtime/base/string.hpp"
#include "guest-runtime/fs/block/blocking.hpp"

namespace husk::journal {

namespace {

constexpr std::uint32_t gathered_blocks = 32;

}  // namespace

Result<> DeviceRecovery::initialise() {
    HUSK_TRY(writer_.initialise(gathered_blocks));
    window_ = HUSK_TRY(fs::HeapArray<std::byte>::create(std::size_t{gathered_blocks} * cache_.block_bytes()));
    return {};
}

Result<> DeviceRecovery::read_log(std::uint32_t index, std::span<std::byte> to) {
    if (index >= map_.block_count()) return Errno::eio;
    std::uint32_t block_bytes = cache_.block_bytes();
    if (index - window_begin_ >= window_blocks_) {
        JournalMap::Run run = map_.find(index, gathered_blocks);
        window_blocks_ = 0;
        HUSK_TRY(block::read(cache_.device(), run.device_block * block_bytes,
                             window_.span().first(std::size_t{run.blocks} * block_bytes)));
        window_begin_ = index;
        window_blocks_ = run.blocks;
    }
    memcpy(to.data(), window_.data() + std::size_t{index - window_begin_} * block_bytes, block_bytes);
    return {};
}

Result<> DeviceRecovery::write_home(std::uint64_t block, std::span<const std::byte> from) {
    if (block >= cache_.block_count()) return Errno::eio;
    std::span<std::byte> to = HUSK_TRY(writer_.next(block));
    memcpy(to.data(), from.data(), from.size());
    return {};
}

}  // namespace husk::journal
