// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/virtio_devices.hpp"

#include <array>
#include <atomic>
#include <new>

#include "guest-runtime/base/format.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/drivers/virtio_block.hpp"
#include "guest-runtime/drivers/virtio_net.hpp"
#include "guest-runtime/drivers/virtio_transport.hpp"
#include "guest-runtime/fs/block/block_devices.hpp"
#include "guest-runtime/net/net_device.hpp"

namespace husk::virtio_devices {

namespace {

// Filled at boot; the count is raised last.
constinit std::array<VirtioBlock*, abi::max_devices> disks{};
constinit std::atomic<unsigned> disk_count = 0;

void say_why_not(const abi::DeviceRecord& record, std::string_view why) {
    char buffer[128];
    TextWriter text(buffer);
    log_line(text.text("virtio device at 0x").hex(record.registers).text(" is not used: ").text(why).view());
}

constinit std::array<VirtioNet*, abi::max_devices> nets{};
constinit std::atomic<unsigned> net_count = 0;

Result<> start_net(const VirtioTransport& transport) {
    auto* device = new (std::nothrow) VirtioNet(transport);
    if (device == nullptr) return Errno::enomem;
    // A frame may come as soon as the device has buffers, and its interrupt wants to be acknowledged.
    unsigned number = net_count.load(std::memory_order_relaxed);
    nets[number] = device;
    net_count.store(number + 1, std::memory_order_release);
    HUSK_TRY(device->start());
    HUSK_TRY(net::add_net_device(*device));
    net::serve_net_devices();
    return {};
}

Result<> start_disk(const VirtioTransport& transport) {
    unsigned number = disk_count.load(std::memory_order_relaxed);
    auto* disk = new (std::nothrow) VirtioBlock(transport, number);
    if (disk == nullptr) return Errno::enomem;
    auto started = disk->start();
    if (!started.ok()) {
        // A device that was reset half way may still write into the queues: they stay where they are.
        return started;
    }
    disks[number] = disk;
    // Pairs with the loads of those who look at all disks.
    disk_count.store(number + 1, std::memory_order_release);
    block::add_device(*disk);
    return {};
}

}  // namespace

void start(std::span<const abi::DeviceRecord> records) {
    for (const abi::DeviceRecord& record : records.first(std::min<std::size_t>(records.size(), abi::max_devices))) {
        VirtioTransport transport(record);
        auto kind = transport.device();
        if (kind == abi::virtio::DeviceId::none) continue;
        auto started = kind == abi::virtio::DeviceId::net ? start_net(transport) : start_disk(transport);
        if (!started.ok()) say_why_not(record, started.error() == Errno::enomem ? "no memory" : "it refuses");
    }
}

void acknowledge_interrupts() {
    for (unsigned i = 0; i < disk_count.load(std::memory_order_acquire); ++i) disks[i]->on_interrupt();
    for (unsigned i = 0; i < net_count.load(std::memory_order_acquire); ++i) nets[i]->on_interrupt();
}

}  // namespace husk::virtio_devices

void husk::platform::serve_devices() {
    using namespace virtio_devices;
    for (unsigned i = 0; i < disk_count.load(std::memory_order_acquire); ++i) disks[i]->reap();
    if (net_count.load(std::memory_order_acquire) != 0) net::serve_net_devices();
}
