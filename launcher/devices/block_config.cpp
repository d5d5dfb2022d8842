// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/block_config.hpp"

#include <algorithm>
#include <bit>

namespace husk::devices {

namespace {

constexpr std::uint32_t segment_max_bytes = 1u << 20;
constexpr std::uint32_t best_io_bytes = 1u << 20;
constexpr std::uint32_t range_max_sectors = 1u << 21;  // 1 GiB: one fallocate(2) of this size stays short
constexpr std::uint32_t range_max_segments = 16;

}  // namespace

std::uint64_t block_features(const BlockFacts& facts) {
    namespace feature = abi::virtio::block_feature;
    std::uint64_t features = feature::size_max | feature::seg_max | feature::block_size | feature::topology |
                             feature::flush | feature::config_wce | feature::multi_queue;
    features |= facts.read_only ? feature::read_only : feature::discard | feature::write_zeroes;
    return features;
}

abi::virtio::BlockConfig block_config(const BlockFacts& facts) {
    abi::virtio::BlockConfig config{};
    config.capacity_sectors = facts.size_bytes / abi::virtio::sector_bytes;
    config.size_max = segment_max_bytes;
    config.seg_max = block_segments_max;
    config.block_bytes = facts.block_bytes;
    const std::uint32_t physical_blocks = std::max(facts.physical_block_bytes / facts.block_bytes, 1u);
    config.physical_block_exponent = static_cast<std::uint8_t>(std::countr_zero(physical_blocks));
    config.min_io_blocks = static_cast<std::uint16_t>(physical_blocks);
    config.opt_io_blocks = best_io_bytes / facts.block_bytes;
    config.write_back = facts.write_back ? 1 : 0;
    config.queue_count = static_cast<std::uint16_t>(facts.queue_count);
    config.max_discard_sectors = range_max_sectors;
    config.max_discard_segments = range_max_segments;
    config.discard_sector_alignment =
        static_cast<std::uint32_t>(physical_blocks * facts.block_bytes / abi::virtio::sector_bytes);
    config.max_write_zeroes_sectors = range_max_sectors;
    config.max_write_zeroes_segments = range_max_segments;
    config.write_zeroes_may_unmap = 1;
    return config;
}

}  // namespace husk::devices
