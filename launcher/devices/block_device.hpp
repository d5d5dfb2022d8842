// SPDX-License-Identifier: Apache-2.0
// virtio-blk: requests of the driver become operations on a disk, many at a time [virtio 5.2].
#pragma once

#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include <husk/abi/virtio/block.hpp>

#include "launcher/backend/io_engine.hpp"
#include "launcher/devices/block_config.hpp"
#include "launcher/devices/block_request.hpp"
#include "launcher/event/service_thread.hpp"
#include "launcher/event/token_bucket.hpp"
#include "launcher/virtio/device.hpp"

namespace husk::devices {

// At most that many per second; 0: no limit.
struct BlockRates {
    std::uint64_t bytes = 0;
    std::uint64_t operations = 0;
};

class BlockDevice final : public virtio::Device, event::Served {
public:
    // spin_facts outlive the device. Throws host::Error.
    BlockDevice(const BlockFacts& facts, const BlockRates& rates, std::unique_ptr<backend::Storage> storage,
                event::SpinFacts& spin_facts);
    ~BlockDevice() override;

    [[nodiscard]] abi::virtio::DeviceId id() const override { return abi::virtio::DeviceId::block; }
    [[nodiscard]] std::uint64_t features() const override { return block_features(facts_); }
    [[nodiscard]] std::uint32_t queue_count() const override { return facts_.queue_count; }
    [[nodiscard]] std::uint32_t queue_size_max() const override { return block_queue_size; }
    [[nodiscard]] std::span<const std::byte> config() const override;

    void start(std::uint64_t features, std::vector<NumberedQueue> queues, virtio::DriverLink& driver) override;
    void stop() override;
    void notify(std::uint32_t) override { thread_.wake(); }
    [[nodiscard]] int notify_fd(std::uint32_t) const override { return thread_.wake_fd(); }
    std::span<const std::byte> on_config_write(std::size_t offset, std::span<const std::byte> data) override;
    [[nodiscard]] virtio::DeviceCounters counters() const override;

private:
    bool serve() override;
    bool arm() override;
    void on_move() override;
    void disarm() override;
    [[nodiscard]] bool expects_news() const override { return in_flight_ != 0; }
    [[nodiscard]] std::uint64_t deadline_ns() const override { return throttled_until_ns_; }

    bool collect();
    bool take_requests(NumberedQueue& numbered);
    [[nodiscard]] bool is_throttled();
    void submit(std::unique_ptr<BlockRequest> request);
    // On the device's thread, with the first request. false: the device has broken down.
    [[nodiscard]] bool try_make_engine();
    void complete(std::unique_ptr<BlockRequest> request);
    void signal();
    void quiesce();
    [[nodiscard]] NumberedQueue& queue_of(const BlockRequest& request);
    void fail(std::uint32_t queue, std::string_view what);

    const BlockFacts facts_;
    abi::virtio::BlockConfig config_;
    const std::unique_ptr<backend::Storage> storage_;

    // The thread's own while it runs.
    std::unique_ptr<backend::IoEngine> engine_;  // made for the first request
    std::vector<NumberedQueue> queues_;
    virtio::DriverLink* driver_ = nullptr;
    BlockLimits limits_;
    std::vector<backend::IoRequest*> done_;
    std::size_t in_flight_ = 0;  // operations
    bool has_failed_ = false;
    const bool has_rates_;
    event::TokenBucket byte_bucket_;
    event::TokenBucket operation_bucket_;
    std::uint64_t throttled_until_ns_ = UINT64_MAX;  // UINT64_MAX: not at all

    std::atomic<bool> is_write_back_;
    std::atomic<std::uint64_t> requests_ = 0;
    std::atomic<std::uint64_t> bytes_ = 0;
    event::ServiceThread thread_;  // last: it ends before what it uses
};

}  // namespace husk::devices
