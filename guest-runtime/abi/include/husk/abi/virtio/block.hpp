// SPDX-License-Identifier: Apache-2.0
// virtio-blk: features, configuration and requests [virtio 5.2].
#pragma once

#include <cstddef>
#include <cstdint>

#include <husk/abi/virtio/mmio.hpp>

namespace husk::abi::virtio {

inline constexpr std::uint64_t sector_bytes = 512;  // the unit of every sector number, whatever block_bytes says
inline constexpr std::size_t block_serial_bytes = 20;

namespace block_feature {
inline constexpr std::uint64_t size_max = 1ull << 1;
inline constexpr std::uint64_t seg_max = 1ull << 2;
inline constexpr std::uint64_t read_only = 1ull << 5;
inline constexpr std::uint64_t block_size = 1ull << 6;
inline constexpr std::uint64_t flush = 1ull << 9;
inline constexpr std::uint64_t topology = 1ull << 10;
inline constexpr std::uint64_t config_wce = 1ull << 11;
inline constexpr std::uint64_t multi_queue = 1ull << 12;
inline constexpr std::uint64_t discard = 1ull << 13;
inline constexpr std::uint64_t write_zeroes = 1ull << 14;
}  // namespace block_feature

// What the guest's driver takes of those. A device that is handed over running (DeviceRecord) has accepted no others.
inline constexpr std::uint64_t block_driver_features =
    block_feature::size_max | block_feature::seg_max | block_feature::read_only | block_feature::block_size |
    block_feature::flush | block_feature::topology | block_feature::config_wce | block_feature::multi_queue |
    block_feature::discard | block_feature::write_zeroes | feature::indirect_desc | feature::event_idx |
    feature::version_1;

struct [[gnu::packed]] BlockConfig {
    std::uint64_t capacity_sectors;
    std::uint32_t size_max;
    std::uint32_t seg_max;
    std::uint16_t cylinders;
    std::uint8_t heads;
    std::uint8_t sectors;
    std::uint32_t block_bytes;
    std::uint8_t physical_block_exponent;
    std::uint8_t alignment_offset;
    std::uint16_t min_io_blocks;
    std::uint32_t opt_io_blocks;
    std::uint8_t write_back;
    std::uint8_t reserved0;
    std::uint16_t queue_count;
    std::uint32_t max_discard_sectors;
    std::uint32_t max_discard_segments;
    std::uint32_t discard_sector_alignment;
    std::uint32_t max_write_zeroes_sectors;
    std::uint32_t max_write_zeroes_segments;
    std::uint8_t write_zeroes_may_unmap;
    std::uint8_t reserved1[3];
};
static_assert(offsetof(BlockConfig, block_bytes) == 20 && offsetof(BlockConfig, write_back) == 32);
static_assert(offsetof(BlockConfig, queue_count) == 34 && offsetof(BlockConfig, max_discard_sectors) == 36);
static_assert(sizeof(BlockConfig) == 60);

enum class BlockRequest : std::uint32_t {
    in = 0,  // read
    out = 1,
    flush = 4,
    get_id = 8,
    discard = 11,
    write_zeroes = 13,
};

// In front of the data; behind it follows one status byte for the device to write.
struct BlockRequestHeader {
    BlockRequest type;
    std::uint32_t reserved;
    std::uint64_t sector;
};
static_assert(sizeof(BlockRequestHeader) == 16);

struct DiscardSegment {
    std::uint64_t sector;
    std::uint32_t sectors;
    std::uint32_t flags;  // bit 0: unmap, for write_zeroes
};
static_assert(sizeof(DiscardSegment) == 16);

namespace block_status {
inline constexpr std::uint8_t ok = 0, io_error = 1, unsupported = 2;
}

}  // namespace husk::abi::virtio
