// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/devices.hpp"

#include <utility>

#include <husk/abi/virtio/block.hpp>
#include <husk/abi/virtio/net.hpp>
#include <husk/abi/virtio/ring.hpp>

#include "launcher/config/disk_option.hpp"
#include "launcher/config/guest_settings.hpp"
#include "launcher/host/errno_error.hpp"
#include "launcher/run/disks.hpp"
#include "launcher/run/networks.hpp"

namespace husk::run {

namespace {

using abi::virtio::Register;
namespace queue_layout = abi::virtio::queue_layout;

// Below that many, an ioeventfd would not pay for itself.
constexpr std::uint64_t notify_exits_before_event_fds = 16;

// Of what a device offers, what it is handed over with.
std::uint64_t driver_features(abi::virtio::DeviceId device) {
    return device == abi::virtio::DeviceId::net ? abi::virtio::net_driver_features : abi::virtio::block_driver_features;
}

virtio::QueueLayout layout_at(std::uint64_t begin, std::uint32_t size) {
    return {size, {begin}, {begin + queue_layout::available_offset(size)}, {begin + queue_layout::used_offset(size)}};
}

}  // namespace

Devices::Devices(const config::LaunchConfig& config, const memory::GuestMemory& memory, virtio::TransportHost& host,
                 const std::function<void(std::string_view)>& on_warning)
    : memory_(memory), host_(host), settings_(config::guest_settings(config)) {
    const std::size_t count = config.disks.size() + config.networks.size();
    if (count == 0) return;
    if (count > abi::max_devices)
        throw host::Error(host::ExitCode::usage, std::to_string(count) + " devices are more than the " +
                                                     std::to_string(abi::max_devices) + " that a VM can have");
    register_pages_ = host::Mapping::try_anonymous(count * virtio::RegisterPage::size_bytes,
                                                   virtio::RegisterPage::size_bytes, host::PageKind::small);
    if (!register_pages_.is_mapped()) throw host::errno_error("no memory for device registers");
    for (std::size_t i = 0; i < config.disks.size(); ++i) {
        const std::string name = config::disk_name(i);
        add(name, make_disk(config.disks[i], name, config.cpus, spin_facts_));
    }
    for (std::size_t i = 0; i < config.networks.size(); ++i)
        add(network_name(i), make_network(config.networks[i], i, memory_, spin_facts_, on_warning));
}

Devices::~Devices() = default;

void Devices::add(std::string name, std::unique_ptr<virtio::Device> device) {
    const std::size_t index = transports_.size();
    const std::span<std::byte> page =
        register_pages_.bytes().subspan(index * virtio::RegisterPage::size_bytes, virtio::RegisterPage::size_bytes);
    abi::DeviceRecord& record = records_.emplace_back();
    record.registers = abi::device_registers_base + index * abi::page_size;
    record.device = device->id();
    record.interrupt = abi::no_interrupt;
    record.queue_count = device->queue_count();
    record.queue_size = device->queue_size_max();
    transports_.push_back(
        std::make_unique<virtio::MmioTransport>(std::move(name), std::move(device), memory_, page, host_));
    bus_.attach({record.registers}, abi::page_size, *transports_.back());
}

boot::DeviceNeeds Devices::needs() const {
    boot::DeviceNeeds needs{static_cast<std::uint32_t>(records_.size()), 0};
    for (const abi::DeviceRecord& record : records_)
        needs.queue_bytes += record.queue_count * queue_layout::bytes(record.queue_size);
    return needs;
}

void Devices::connect(kvm::Vm& vm, abi::PhysRange queues) {
    vm_ = &vm;
    vm.add_read_only_memory({abi::device_registers_base}, register_pages_.bytes());
    std::uint64_t next = queues.begin;
    for (std::size_t i = 0; i < transports_.size(); ++i) {
        abi::DeviceRecord& record = records_[i];
        record.queues = next;
        std::vector<virtio::QueueLayout> layouts;
        for (std::uint32_t queue = 0; queue < record.queue_count; ++queue) {
            layouts.push_back(layout_at(next, record.queue_size));
            next += queue_layout::bytes(record.queue_size);
        }
        record.features = transports_[i]->hand_over(layouts, driver_features(record.device));
    }
}

bool Devices::try_serve(const kvm::MmioAccess& access) {
    if (!access.is_write) return bus_.try_read({access.gpa}, access.data);
    if (!bus_.try_write({access.gpa}, access.data)) return false;
    if (access.gpa % abi::page_size == static_cast<std::uint64_t>(Register::queue_notify))
        notify_exits_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

bool Devices::wants_event_fds() const {
    return !has_event_fds_.load() && notify_exits_.load(std::memory_order_relaxed) >= notify_exits_before_event_fds;
}

void Devices::use_event_fds() {
    if (has_event_fds_.exchange(true)) return;  // also when this KVM has none: asking once is enough
    for (std::size_t i = 0; i < transports_.size(); ++i) {
        const abi::GuestPhys at{records_[i].registers + static_cast<std::uint64_t>(Register::queue_notify)};
        for (std::uint32_t queue = 0; queue < records_[i].queue_count; ++queue) {
            const int fd = transports_[i]->device().notify_fd(queue);
            if (fd >= 0) static_cast<void>(vm_->try_signal_on_write(at, queue, fd));
        }
    }
}

void Devices::close() {
    bus_ = {};
    transports_.clear();
}

std::vector<DeviceStats> Devices::stats() const {
    std::vector<DeviceStats> all;
    for (const auto& transport : transports_) {
        const virtio::TransportCounters exits = transport->counters();
        const virtio::DeviceCounters work = transport->device().counters();
        all.push_back(
            {transport->name(), exits.register_writes, exits.notifications, exits.signals, work.requests, work.bytes});
    }
    return all;
}

}  // namespace husk::run
