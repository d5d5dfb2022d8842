// SPDX-License-Identifier: Apache-2.0
// What a virtio-blk device says of itself, once its features are agreed on [virtio 5.2.4].
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/drivers/virtio_transport.hpp"

namespace husk {

struct BlockFacts {
    std::uint64_t size_bytes = 0;
    std::uint32_t logical_block_bytes = 0;  // a power of two
    std::uint32_t physical_block_bytes = 0;
    std::uint64_t max_discard_bytes = 0;  // of one request; 0: it cannot
    std::uint64_t max_write_zeroes_bytes = 0;
    // Of the data of one chain; 0: the device sets no bound.
    std::uint32_t max_segments = 0;
    std::uint64_t max_segment_bytes = 0;  // a multiple of logical_block_bytes

    // EIO: it says what cannot be.
    static Result<BlockFacts> read(const VirtioTransport& transport);
};

}  // namespace husk
