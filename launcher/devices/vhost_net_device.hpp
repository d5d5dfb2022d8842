// SPDX-License-Identifier: Apache-2.0
// virtio-net whose queues the host's kernel serves: frames between guest and tap never come by this process. What is
// left of the device here are its features, the control queue, and a thread that tells the driver when the kernel has
// used buffers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "launcher/backend/tap.hpp"
#include "launcher/backend/vhost_net.hpp"
#include "launcher/devices/net_config.hpp"
#include "launcher/devices/net_control.hpp"
#include "launcher/event/service_thread.hpp"
#include "launcher/host/event_fd.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/virtio/device.hpp"

namespace husk::devices {

class VhostNetDevice final : public virtio::Device, event::Served {
public:
    // As many of the kernel's devices, and queues of the tap, as the facts have pairs. memory and spin_facts outlive
    // the device. Throws host::Error.
    VhostNetDevice(const NetFacts& facts, std::vector<backend::VhostNet> pairs, backend::Tap tap,
                   const memory::GuestMemory& memory, event::SpinFacts& spin_facts);
    ~VhostNetDevice() override;

    [[nodiscard]] abi::virtio::DeviceId id() const override { return abi::virtio::DeviceId::net; }
    [[nodiscard]] std::uint64_t features() const override { return net_features(facts_); }
    [[nodiscard]] std::uint32_t queue_count() const override { return net_queue_count(facts_); }
    [[nodiscard]] std::uint32_t queue_size_max() const override { return net_queue_size; }
    [[nodiscard]] std::span<const std::byte> config() const override;
    [[nodiscard]] std::uint32_t home_of(std::uint32_t queue) const override { return queue / 2; }

    void start(std::uint64_t features, std::vector<NumberedQueue> queues, virtio::DriverLink& driver) override;
    void stop() override;
    void notify(std::uint32_t queue) override;
    [[nodiscard]] int notify_fd(std::uint32_t queue) const override;
    std::span<const std::byte> on_config_write(std::size_t, std::span<const std::byte>) override { return config(); }
    // The kernel does not count for us.
    [[nodiscard]] virtio::DeviceCounters counters() const override { return {}; }

private:
    // A receiving queue and a sending one, with a thread of the kernel's.
    struct Pair {
        explicit Pair(backend::VhostNet opened) : vhost(std::move(opened)) {}
        backend::VhostNet vhost;
        bool runs = false;
        std::array<host::EventFd, 2> kicks, calls;
    };

    [[nodiscard]] bool start_pair(std::uint32_t number, std::uint64_t features,
                                  const std::array<const virtio::Queue*, 2>& queues);
    [[nodiscard]] bool obey_control();
    bool serve() override;
    bool arm() override { return has_failed_ || !control_ || control_->queue().arm(); }
    void disarm() override {
        if (control_) control_->queue().disarm();
    }
    [[nodiscard]] bool expects_news() const override { return false; }
    [[nodiscard]] std::uint64_t deadline_ns() const override { return UINT64_MAX; }

    const NetFacts facts_;
    const abi::virtio::NetConfig config_;
    const memory::GuestMemory& memory_;
    backend::Tap tap_;
    std::vector<std::unique_ptr<Pair>> pairs_;
    std::atomic<std::uint32_t> control_index_ = UINT32_MAX;
    bool hears_second_pair_ = false;
    // The thread's own while it runs.
    std::optional<NetControl> control_;
    virtio::DriverLink* driver_ = nullptr;
    bool has_failed_ = false;
    event::ServiceThread thread_;  // last: it ends before what it uses
};

}  // namespace husk::devices
