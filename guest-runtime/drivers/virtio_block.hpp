// SPDX-License-Identifier: Apache-2.0
// The driver of a virtio-blk device: block requests in, chains out, as many at a time as the queues hold [virtio 5.2].
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <husk/abi/virtio/block.hpp>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/drivers/block_facts.hpp"
#include "guest-runtime/drivers/virtio_transport.hpp"
#include "guest-runtime/drivers/virtqueue.hpp"
#include "guest-runtime/fs/block/block_device.hpp"

namespace husk {

class VirtioBlock final : public block::BlockDevice {
public:
    // The disk number `number` is called vda, vdb, ...
    VirtioBlock(const VirtioTransport& transport, unsigned number);
    VirtioBlock(const VirtioBlock&) = delete;
    VirtioBlock& operator=(const VirtioBlock&) = delete;
    // EIO when the device refuses or says what cannot be, ENOMEM.
    Result<> start();

    [[nodiscard]] std::string_view name() const override { return {name_.data(), name_bytes_}; }
    [[nodiscard]] std::uint64_t size_bytes() const override { return facts_.size_bytes; }
    [[nodiscard]] std::uint32_t logical_block_bytes() const override { return facts_.logical_block_bytes; }
    [[nodiscard]] std::uint32_t physical_block_bytes() const override { return facts_.physical_block_bytes; }
    [[nodiscard]] bool is_read_only() const override;
    [[nodiscard]] bool has_write_cache() const override;
    [[nodiscard]] std::uint64_t max_discard_bytes() const override { return facts_.max_discard_bytes; }
    [[nodiscard]] std::uint64_t max_write_zeroes_bytes() const override { return facts_.max_write_zeroes_bytes; }
    // Asks the device each time; empty when it has none.
    Result<std::size_t> read_serial(std::span<char> to) override;

    void on_interrupt() const { transport_.acknowledge_interrupt(); }
    // Answers what the device has finished. True: there was something.
    bool reap();
    [[nodiscard]] bool is_busy() const { return in_flight_.load(std::memory_order_relaxed) != 0; }

protected:
    void start(List<block::BlockRequest>& requests) override;

private:
    static constexpr std::size_t max_queues = 8;
    static constexpr std::size_t slot_count = 128;
    static constexpr std::size_t max_segments = 120;
    // Of a device without indirect descriptors, so that one request does not take the whole queue.
    static constexpr std::size_t max_direct_segments = 16;

    // What the device reads and writes besides the data of one request.
    struct Slot {
        abi::virtio::BlockRequestHeader header;
        abi::virtio::DiscardSegment range;
        std::uint8_t status;
        std::uint8_t padding[7];
        block::BlockRequest* request;
        std::uint64_t part_bytes;
        Slot* next_free;
        abi::virtio::Descriptor table[max_segments + 2];
    };
    static_assert(sizeof(Slot) <= 2048);

    struct Queue {
        Spinlock lock;
        List<block::BlockRequest> waiting;
        Slot* free = nullptr;
        std::size_t slots = 0;  // made so far
        std::array<Slot*, Virtqueue::max_size> slot_of_head{};
    };

    static bool make_slot(Queue& queue);
    Result<> bound_segments();
    void fill(std::size_t index);
    bool send(std::size_t index, block::BlockRequest& request);
    std::size_t collect_data(const block::BlockRequest& request, std::span<Virtqueue::Buffer> buffers,
                             std::uint64_t& part_bytes) const;
    bool add_chain(std::size_t index, Slot& slot, std::span<const Virtqueue::Buffer> buffers);
    void take_answers(std::size_t index, List<block::BlockRequest>& done);

    VirtioTransport transport_;
    BlockFacts facts_{};
    // Of the data of one chain.
    std::size_t segments_ = 1;
    std::uint64_t segment_bytes_ = 1;
    std::array<char, 8> name_{};
    std::size_t name_bytes_ = 0;
    std::atomic<std::uint32_t> in_flight_ = 0;
    std::size_t queue_count_ = 0;
    std::array<Queue, max_queues> queues_;
    std::array<Virtqueue, max_queues> rings_;
};

}  // namespace husk
