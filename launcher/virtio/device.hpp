// SPDX-License-Identifier: Apache-2.0
// A virtio device model, as its transport sees it.
//
// The transport calls start() once the driver is ready and stop() when it resets; between the two the device serves its
// queues on a thread of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <husk/abi/virtio/mmio.hpp>

#include "launcher/virtio/queue.hpp"

namespace husk::virtio {

// What a running device may tell its driver. Any thread; not after stop() has returned.
class DriverLink {
public:
    virtual ~DriverLink() = default;

    // Buffers of a queue were used, and the driver wants to hear of it.
    virtual void signal_used(std::uint32_t queue) = 0;

    // The configuration is another one from now on.
    virtual void change_config(std::span<const std::byte> config) = 0;

    // A choice that was made, for those who want to know.
    virtual void note(const std::string& sentence) = 0;

    // The driver broke a rule: the device needs a reset, which it will not get, since the VM ends with this sentence.
    // what: such as "queue 0: ...".
    virtual void fail(const std::string& what) = 0;

    // The host does not do what the device needs: the VM ends with this sentence, too.
    virtual void break_down(const std::string& why) = 0;
};

// Counted by the device; read by any thread.
struct DeviceCounters {
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
};

class Device {
public:
    virtual ~Device() = default;

    [[nodiscard]] virtual abi::virtio::DeviceId id() const = 0;
    // Without those of the transport and the queues.
    [[nodiscard]] virtual std::uint64_t features() const = 0;
    [[nodiscard]] virtual std::uint32_t queue_count() const = 0;
    [[nodiscard]] virtual std::uint32_t queue_size_max() const = 0;
    [[nodiscard]] virtual std::span<const std::byte> config() const = 0;
    // The vCPU that a driver with a queue for each serves it on.
    [[nodiscard]] virtual std::uint32_t home_of(std::uint32_t queue) const { return queue; }

    // All queues that the driver has enabled, each with its index; driver outlives the device. On a vCPU's thread.
    struct NumberedQueue {
        std::uint32_t index;
        Queue queue;
    };
    virtual void start(std::uint64_t features, std::vector<NumberedQueue> queues, DriverLink& driver) = 0;

    // Once it returns, the device touches neither guest memory nor its driver. Nothing happens when it has not started.
    virtual void stop() = 0;

    // The driver has made something available. Any thread, at any time; never blocks.
    virtual void notify(std::uint32_t queue) = 0;

    // An eventfd that does what notify() does, for the kernel to signal; -1: there is none.
    [[nodiscard]] virtual int notify_fd(std::uint32_t queue) const = 0;

    // The driver stores to the configuration. Returns what it is from now on.
    virtual std::span<const std::byte> on_config_write(std::size_t offset, std::span<const std::byte> data) = 0;

    [[nodiscard]] virtual DeviceCounters counters() const = 0;
};

}  // namespace husk::virtio
