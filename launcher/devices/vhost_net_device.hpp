// SPDX-License-Identifier: Apache-2.0
// virtio-net whose queues the host's kernel serves: frames between guest and tap never come by this process. What is
// left of the device here are its features, and a thread that tells the driver when the kernel has used buffers.
#pragma once

#include <array>
#include <cstdint>

#include "launcher/backend/tap.hpp"
#include "launcher/backend/vhost_net.hpp"
#include "launcher/devices/net_config.hpp"
#include "launcher/event/service_thread.hpp"
#include "launcher/host/event_fd.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/virtio/device.hpp"

namespace husk::devices {

class VhostNetDevice final : public virtio::Device, event::Served {
public:
    // tap: with one pair of queues. memory and spin_facts outlive the device. Throws host::Error.
    VhostNetDevice(const NetFacts& facts, backend::VhostNet vhost, backend::Tap tap, const memory::GuestMemory& memory,
                   event::SpinFacts& spin_facts);
    ~VhostNetDevice() override;

    [[nodiscard]] abi::virtio::DeviceId id() const override { return abi::virtio::DeviceId::net; }
    [[nodiscard]] std::uint64_t features() const override { return net_features(facts_); }
    [[nodiscard]] std::uint32_t queue_count() const override { return queues; }
    [[nodiscard]] std::uint32_t queue_size_max() const override { return net_queue_size; }
    [[nodiscard]] std::span<const std::byte> config() const override;

    void start(std::uint64_t features, std::vector<NumberedQueue> queues, virtio::DriverLink& driver) override;
    void stop() override;
    void notify(std::uint32_t queue) override { kicks_[queue % queues].signal(); }
    [[nodiscard]] int notify_fd(std::uint32_t queue) const override { return kicks_[queue % queues].get(); }
    std::span<const std::byte> on_config_write(std::size_t, std::span<const std::byte>) override { return config(); }
    // The kernel does not count for us.
    [[nodiscard]] virtio::DeviceCounters counters() const override { return {}; }

private:
    static constexpr std::uint32_t queues = 2;

    bool serve() override;
    bool arm() override { return true; }
    void disarm() override {}
    [[nodiscard]] bool expects_news() const override { return false; }
    [[nodiscard]] std::uint64_t deadline_ns() const override { return UINT64_MAX; }

    const NetFacts facts_;
    const abi::virtio::NetConfig config_;
    const memory::GuestMemory& memory_;
    backend::Tap tap_;
    backend::VhostNet vhost_;
    bool runs_ = false;
    std::array<host::EventFd, queues> kicks_, calls_;
    virtio::DriverLink* driver_ = nullptr;  // the thread's own while it runs
    event::ServiceThread thread_;           // last: it ends before what it uses
};

}  // namespace husk::devices
