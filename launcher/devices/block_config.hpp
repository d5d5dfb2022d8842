// SPDX-License-Identifier: Apache-2.0
// What a block device tells its driver about itself [virtio 5.2.4].
#pragma once

#include <cstdint>
#include <string>

#include <husk/abi/virtio/block.hpp>

namespace husk::devices {

struct BlockFacts {
    std::uint64_t size_bytes = 0;
    std::uint32_t block_bytes = 512;            // the smallest transfer that is no read-modify-write
    std::uint32_t physical_block_bytes = 4096;  // the same for what lies below
    std::uint32_t queue_count = 1;
    bool read_only = false;
    bool write_back = true;  // flush matters
    std::string serial = {};
};

// The most segments of one request. Header and status take two descriptors more, and a chain is no longer than a queue
// of 256 [virtio 2.7.5.3.1].
inline constexpr std::uint32_t block_queue_size = 256;
inline constexpr std::uint32_t block_segments_max = block_queue_size - 2;

[[nodiscard]] std::uint64_t block_features(const BlockFacts& facts);
[[nodiscard]] abi::virtio::BlockConfig block_config(const BlockFacts& facts);

}  // namespace husk::devices
