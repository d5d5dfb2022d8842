// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/vhost_net_device.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "launcher/config/text.hpp"

namespace husk::devices {

namespace {

bool try_take(const host::EventFd& event) {
    std::uint64_t count = 0;
    return ::read(event.get(), &count, sizeof count) == sizeof count;
}

std::vector<backend::VhostRegion> table_of(const memory::GuestMemory& memory) {
    std::vector<backend::VhostRegion> table;
    for (const memory::Region& region : memory.regions()) table.push_back({region.begin.value, region.bytes});
    return table;
}

}  // namespace

VhostNetDevice::VhostNetDevice(const NetFacts& facts, backend::VhostNet vhost, backend::Tap tap,
                               const memory::GuestMemory& memory, event::SpinFacts& spin_facts)
    : facts_(facts),
      config_(net_config(facts)),
      memory_(memory),
      tap_(std::move(tap)),
      vhost_(std::move(vhost)),
      thread_(*this, spin_facts) {
    for (const host::EventFd& call : calls_) thread_.add_wake_fd(call.get());
}

VhostNetDevice::~VhostNetDevice() { stop(); }

std::span<const std::byte> VhostNetDevice::config() const { return std::as_bytes(std::span(&config_, 1)); }

void VhostNetDevice::start(std::uint64_t features, std::vector<NumberedQueue> enabled, virtio::DriverLink& driver) {
    if (enabled.size() != queues) return;  // a driver may want only one; then no frame passes
    tap_.accept_offloads(guest_offloads(features));
    std::array<backend::VhostQueue, queues> kernel_queues;
    for (const NumberedQueue& numbered : enabled) {
        const virtio::QueueLayout& layout = numbered.queue.layout();
        const auto host_address = [&](abi::GuestPhys at) { return memory_.try_span(at, 1).data(); };
        kernel_queues[numbered.index] = {layout.size,
                                         host_address(layout.descriptors),
                                         host_address(layout.available),
                                         host_address(layout.used),
                                         kicks_[numbered.index].get(),
                                         calls_[numbered.index].get()};
    }
    thread_.call([&] { driver_ = &driver; });
    runs_ = vhost_.try_start(features, table_of(memory_), kernel_queues, tap_.ready_fd(0));
    if (!runs_) {
        driver.fail(config::fill_in("vhost-net does not take the queues: {}", std::strerror(errno)));
        return;
    }
    thread_.wake();
}

void VhostNetDevice::stop() {
    if (std::exchange(runs_, false)) vhost_.stop();
    thread_.call([this] { driver_ = nullptr; });
}

bool VhostNetDevice::serve() {
    bool any = false;
    for (std::uint32_t i = 0; i < queues; ++i) {
        if (!try_take(calls_[i])) continue;
        any = true;
        if (driver_ != nullptr) driver_->signal_used(i);
    }
    return any;
}

}  // namespace husk::devices
