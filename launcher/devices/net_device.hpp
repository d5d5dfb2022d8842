// SPDX-License-Identifier: Apache-2.0
// virtio-net: frames between a driver's queues and a network of the host, in batches, on one thread [virtio 5.1].
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "launcher/devices/net_config.hpp"
#include "launcher/devices/net_control.hpp"
#include "launcher/devices/net_receiver.hpp"
#include "launcher/devices/net_sender.hpp"
#include "launcher/event/service_thread.hpp"
#include "launcher/event/token_bucket.hpp"
#include "launcher/virtio/device.hpp"

namespace husk::devices {

struct NetLimits {
    std::uint64_t bytes_per_second = 0;  // in each direction; 0: none
};

class NetDevice final : public virtio::Device, event::Served {
public:
    // on_gone: called once, on the device's thread, when the network behind it is no more; the driver sees the link go
    // down. spin_facts outlives the device. Throws host::Error.
    NetDevice(const NetFacts& facts, const NetLimits& limits, std::unique_ptr<backend::NetBackend> network,
              event::SpinFacts& spin_facts, std::function<void()> on_gone);
    ~NetDevice() override;

    [[nodiscard]] abi::virtio::DeviceId id() const override { return abi::virtio::DeviceId::net; }
    [[nodiscard]] std::uint64_t features() const override { return net_features(facts_); }
    [[nodiscard]] std::uint32_t queue_count() const override { return net_queue_count(facts_); }
    [[nodiscard]] std::uint32_t queue_size_max() const override { return net_queue_size; }
    [[nodiscard]] std::span<const std::byte> config() const override;
    [[nodiscard]] std::uint32_t home_of(std::uint32_t queue) const override { return queue / 2; }

    void start(std::uint64_t features, std::vector<NumberedQueue> queues, virtio::DriverLink& driver) override;
    void stop() override;
    void notify(std::uint32_t) override { thread_.wake(); }
    [[nodiscard]] int notify_fd(std::uint32_t) const override { return thread_.wake_fd(); }
    // Nothing in it is the driver's to change [virtio 5.1.4].
    std::span<const std::byte> on_config_write(std::size_t, std::span<const std::byte>) override { return config(); }
    [[nodiscard]] virtio::DeviceCounters counters() const override;

private:
    bool serve() override;
    bool arm() override;
    void disarm() override;
    [[nodiscard]] bool expects_news() const override { return false; }  // who knows when a frame comes
    [[nodiscard]] bool may_be_late() const override { return true; }
    [[nodiscard]] bool may_wait_for_rest() const override { return network_->is_kernel_device(); }
    [[nodiscard]] std::uint64_t deadline_ns() const override;

    void add_queue(NumberedQueue queue, std::uint64_t features);
    [[nodiscard]] bool send(NetSender& sender);
    [[nodiscard]] bool receive(NetReceiver& receiver);
    [[nodiscard]] bool obey_control();
    void signal();
    void count(std::size_t frame_bytes, event::TokenBucket& bucket);
    void check(std::uint32_t index, const virtio::Queue& queue);
    void fail(std::uint32_t queue, std::string_view what);
    void lose_link();

    const NetFacts facts_;
    abi::virtio::NetConfig config_;
    const std::unique_ptr<backend::NetBackend> network_;
    const std::function<void()> on_gone_;

    // The thread's own while it runs.
    std::vector<std::unique_ptr<NetReceiver>> receivers_;
    std::vector<std::unique_ptr<NetSender>> senders_;
    std::optional<NetControl> control_;
    std::uint32_t used_pairs_ = 1;
    virtio::DriverLink* driver_ = nullptr;
    event::TokenBucket send_limit_, receive_limit_;
    bool is_gone_ = false;
    bool has_failed_ = false;

    std::atomic<std::uint64_t> frames_ = 0;
    std::atomic<std::uint64_t> bytes_ = 0;
    event::ServiceThread thread_;  // last: it ends before what it uses
};

}  // namespace husk::devices
