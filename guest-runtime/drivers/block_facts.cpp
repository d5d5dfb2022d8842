// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/block_facts.hpp"

#include <algorithm>
#include <bit>

#include <husk/abi/memory_layout.hpp>
#include <husk/abi/virtio/block.hpp>

namespace husk {

namespace virtio = abi::virtio;
namespace bit = virtio::block_feature;
using virtio::BlockConfig;

namespace {

// A block is read and written in one page of the cache.
constexpr std::uint32_t most_block_bytes = abi::page_size;
constexpr std::uint64_t most_bytes = std::uint64_t{INT64_MAX};  // an offset in a file is signed
constexpr std::uint8_t most_physical_exponent = 8;

std::uint64_t range_bytes(std::uint64_t sectors, std::uint32_t block_bytes) {
    return abi::align_down(sectors * virtio::sector_bytes, block_bytes);
}

}  // namespace

Result<BlockFacts> BlockFacts::read(const VirtioTransport& transport) {
    BlockFacts facts;
    std::uint64_t sectors = transport.read_config64(offsetof(BlockConfig, capacity_sectors));
    facts.size_bytes = std::min(sectors, most_bytes / virtio::sector_bytes) * virtio::sector_bytes;

    facts.logical_block_bytes = virtio::sector_bytes;
    if (transport.has(bit::block_size))
        facts.logical_block_bytes = transport.read_config32(offsetof(BlockConfig, block_bytes));
    bool is_possible = std::has_single_bit(facts.logical_block_bytes) &&
                       facts.logical_block_bytes >= virtio::sector_bytes &&
                       facts.logical_block_bytes <= most_block_bytes;
    if (!is_possible) return Errno::eio;
    std::uint8_t exponent =
        transport.has(bit::topology) ? transport.read_config8(offsetof(BlockConfig, physical_block_exponent)) : 0;
    facts.physical_block_bytes = facts.logical_block_bytes << (exponent <= most_physical_exponent ? exponent : 0);

    if (transport.has(bit::discard)) {
        facts.max_discard_bytes =
            range_bytes(transport.read_config32(offsetof(BlockConfig, max_discard_sectors)), facts.logical_block_bytes);
    }
    if (transport.has(bit::write_zeroes)) {
        facts.max_write_zeroes_bytes = range_bytes(
            transport.read_config32(offsetof(BlockConfig, max_write_zeroes_sectors)), facts.logical_block_bytes);
    }
    if (transport.has(bit::seg_max)) facts.max_segments = transport.read_config32(offsetof(BlockConfig, seg_max));
    if (transport.has(bit::size_max)) {
        std::uint32_t most = transport.read_config32(offsetof(BlockConfig, size_max));
        facts.max_segment_bytes = abi::align_down(most, facts.logical_block_bytes);
        if (most != 0 && facts.max_segment_bytes == 0) return Errno::eio;
    }
    return facts;
}

}  // namespace husk
