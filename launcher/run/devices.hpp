// SPDX-License-Identifier: Apache-2.0
// The virtio devices of one VM: made from the configuration, placed in the guest's address space, reachable by exits.
//
//   Devices devices(config, memory, host);           // opens what stands behind them
//   plan_memory(..., devices.needs());
//   devices.connect(vm, plan.device_queues);         // slots, queues; from here on they run
//   ... boot info: devices.records(), devices.settings()
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <husk/abi/device_record.hpp>

#include "launcher/boot/memory_plan.hpp"
#include "launcher/bus/mmio_bus.hpp"
#include "launcher/config/launch_config.hpp"
#include "launcher/event/spin_facts.hpp"
#include "launcher/host/mapping.hpp"
#include "launcher/kvm/exit.hpp"
#include "launcher/kvm/vm.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/run/stats.hpp"
#include "launcher/virtio/mmio_transport.hpp"

namespace husk::run {

class Devices final {
public:
    // memory and host outlive this object. on_warning: what the user should know of a device; any thread. Throws
    // host::Error.
    Devices(const config::LaunchConfig& config, const memory::GuestMemory& memory, virtio::TransportHost& host,
            const std::function<void(std::string_view)>& on_warning);
    ~Devices();

    [[nodiscard]] bool empty() const { return transports_.empty(); }
    [[nodiscard]] boot::DeviceNeeds needs() const;

    // Where devices run from here on; vm outlives this object. Throws host::Error.
    void connect(kvm::Vm& vm, abi::PhysRange queues);

    [[nodiscard]] std::span<const abi::DeviceRecord> records() const { return records_; }
    [[nodiscard]] std::span<const std::string> settings() const { return settings_; }

    // On the thread of any vCPU, of several at the same time. false: no device has this address.
    [[nodiscard]] bool try_serve(const kvm::MmioAccess& access);

    // Notifications that no longer are exits, once they come often; all memory is in slots. Done once, whoever asks.
    [[nodiscard]] bool wants_event_fds() const;
    void use_event_fds();

    // What the threads of vCPUs and devices know about each other.
    [[nodiscard]] event::SpinFacts& spin_facts() { return spin_facts_; }

    [[nodiscard]] std::vector<DeviceStats> stats() const;

    // Ends what is in flight, and closes what stands behind the devices: the next VM may have it. The vCPUs have
    // stopped.
    void close();

private:
    void add(std::string name, std::unique_ptr<virtio::Device> device);

    const memory::GuestMemory& memory_;
    virtio::TransportHost& host_;
    kvm::Vm* vm_ = nullptr;
    event::SpinFacts spin_facts_;
    host::Mapping register_pages_;
    bus::MmioBus bus_;
    std::vector<std::unique_ptr<virtio::MmioTransport>> transports_;
    std::vector<abi::DeviceRecord> records_;
    std::vector<std::string> settings_;
    std::atomic<std::uint64_t> notify_exits_ = 0;
    std::atomic<bool> has_event_fds_ = false;
};

}  // namespace husk::run
