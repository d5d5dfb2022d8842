// SPDX-License-Identifier: Apache-2.0
// One virtio device behind its register page: negotiation, queues, notifications, reset [virtio 3.1, 4.2].
//
// Either the driver negotiates by writing registers, or the launcher has done it in advance by hand_over().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "launcher/bus/mmio_bus.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/virtio/device.hpp"
#include "launcher/virtio/register_page.hpp"

namespace husk::virtio {

// What a device wants from the machine that it is in. Any thread.
class TransportHost {
public:
    virtual ~TransportHost() = default;

    // A device has used buffers, or has another configuration: some vCPU shall look, best the one that is `home`.
    virtual void on_device_news(std::uint32_t home) = 0;

    virtual void on_device_note(const std::string& sentence) = 0;

    // The guest did what no driver may do: the VM ends.
    virtual void on_device_fault(const std::string& sentence) = 0;
    // The host did not do what the device needs: likewise.
    virtual void on_device_breakdown(const std::string& sentence) = 0;
};

struct TransportCounters {
    std::uint64_t register_writes = 0;  // exits, notifications included
    std::uint64_t notifications = 0;    // of them; those by ioeventfd are not seen
    std::uint64_t signals = 0;          // to the driver
};

class MmioTransport final : public bus::MmioDevice, DriverLink {
public:
    // page: RegisterPage::size_bytes of zeros. memory, page and host outlive this object.
    MmioTransport(std::string name, std::unique_ptr<Device> device, const memory::GuestMemory& memory,
                  std::span<std::byte> page, TransportHost& host);
    ~MmioTransport() override;

    // Does what a driver would: accepts the features that are offered and the driver's too, enables a queue for each
    // layout, and sets driver_ok. Before the first instruction. Returns the features.
    std::uint64_t hand_over(std::span<const QueueLayout> queues, std::uint64_t driver_features);

    void on_write(std::uint64_t offset, std::span<const std::byte> data) override;
    void on_read(std::uint64_t offset, std::span<std::byte> data) override;

    [[nodiscard]] Device& device() { return *device_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] TransportCounters counters() const;

private:
    struct QueueState {
        QueueLayout layout;
        bool is_ready = false;
    };

    void signal_used(std::uint32_t queue) override;
    void change_config(std::span<const std::byte> config) override;
    void note(const std::string& sentence) override;
    void fail(const std::string& what) override;
    void break_down(const std::string& why) override;

    [[nodiscard]] std::uint64_t offered_features() const;
    void write_register(abi::virtio::Register at, std::uint32_t value);
    void notify(std::uint32_t queue);
    void write_status(std::uint32_t value);
    void write_queue(abi::virtio::Register at, std::uint32_t value);
    void set_queue_ready(QueueState& queue, bool is_ready);
    void select_queue(std::uint32_t queue);
    void set_status(std::uint32_t status);
    void start();
    void reset();

    const std::string name_;
    const std::unique_ptr<Device> device_;
    const memory::GuestMemory& memory_;
    RegisterPage page_;
    TransportHost& host_;

    std::mutex mutex_;  // the registers: vCPUs may write them at the same time
    std::uint32_t status_ = 0;
    std::uint32_t device_features_select_ = 0;
    std::uint32_t driver_features_select_ = 0;
    std::uint64_t driver_features_ = 0;
    std::uint32_t queue_select_ = 0;
    std::vector<QueueState> queues_;

    std::atomic<std::uint64_t> register_writes_ = 0;
    std::atomic<std::uint64_t> notifications_ = 0;
    std::atomic<std::uint64_t> signals_ = 0;
};

}  // namespace husk::virtio
