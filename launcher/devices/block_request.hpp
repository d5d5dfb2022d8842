// SPDX-License-Identifier: Apache-2.0
// A chain of a block queue, read as a request [virtio 5.2.6].
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <husk/abi/virtio/block.hpp>

#include "launcher/backend/storage.hpp"
#include "launcher/virtio/chain.hpp"

namespace husk::devices {

// What a request is judged by.
struct BlockLimits {
    std::uint64_t size_bytes = 0;
    std::uint32_t block_bytes = 512;
    std::uint64_t features = 0;  // negotiated
    bool is_write_back = true;
    std::array<char, abi::virtio::block_serial_bytes> serial{};
};

// Most requests become one operation; discard and write_zeroes one for each range; some none.
class BlockRequest final {
public:
    explicit BlockRequest(std::uint32_t queue, virtio::Chain chain) : queue_(queue), chain_(std::move(chain)) {}

    // Reads the header and makes the operations. false: the chain has no room for header or status, so that nothing can
    // be answered.
    [[nodiscard]] bool parse(const BlockLimits& limits);

    // To be carried out in any order; none: the answer is ready. Each has this object as its owner.
    [[nodiscard]] std::vector<backend::IoRequest>& operations() { return operations_; }
    // One of them is complete. true: it was the last.
    [[nodiscard]] bool count_completed() { return ++completed_ == operations_.size(); }
    [[nodiscard]] std::uint64_t transfer_bytes() const { return transfer_bytes_; }

    // Stores the status for the first error among the operations. Returns the bytes written to the guest.
    [[nodiscard]] std::uint32_t answer();

    [[nodiscard]] std::uint32_t queue() const { return queue_; }
    [[nodiscard]] const virtio::Chain& chain() const { return chain_; }
    [[nodiscard]] virtio::Chain take_chain() { return std::move(chain_); }

private:
    void plan(const abi::virtio::BlockRequestHeader& header, const BlockLimits& limits);
    void plan_transfer(const abi::virtio::BlockRequestHeader& header, const BlockLimits& limits);
    void plan_ranges(backend::IoKind kind, const BlockLimits& limits);
    void store_serial(const BlockLimits& limits);

    const std::uint32_t queue_;
    virtio::Chain chain_;
    std::vector<backend::IoRequest> operations_;
    std::size_t completed_ = 0;
    std::byte* status_byte_ = nullptr;  // in guest memory
    std::uint8_t status_ = abi::virtio::block_status::ok;
    std::uint64_t transfer_bytes_ = 0;
    std::uint32_t written_bytes_ = 0;  // to the guest, should all go well
};

}  // namespace husk::devices
