// SPDX-License-Identifier: Apache-2.0
// The registers of one virtio device, and its way from power-on to running [virtio 3.1, 4.2].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/device_record.hpp>
#include <husk/abi/virtio/mmio.hpp>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/drivers/virtqueue.hpp"

namespace husk {

class VirtioTransport {
public:
    constexpr VirtioTransport() = default;
    explicit VirtioTransport(const abi::DeviceRecord& record) : record_(record) {}

    // none: nothing is there, or nothing that this driver speaks to (which a line of the log says).
    [[nodiscard]] abi::virtio::DeviceId device() const;

    // Agrees on features and sets up the first queues.size() queues or fewer; the device runs afterwards. A device that
    // was handed over running stays as it is. Returns how many queues there are. EIO when it refuses, ENOMEM.
    Result<std::size_t> start(std::uint64_t wanted_features, std::span<Virtqueue> queues);
    [[nodiscard]] bool has(std::uint64_t feature) const { return (features_ & feature) != 0; }

    void notify(std::uint32_t queue) const { write(abi::virtio::Register::queue_notify, queue); }
    // Tells the device that its interrupt was seen; what it has used can be looked for afterwards.
    void acknowledge_interrupt() const;
    [[nodiscard]] std::uint32_t interrupt() const { return record_.interrupt; }

    // Copies from the start of the configuration space, in words, until the device has not changed it meanwhile
    // [virtio 2.5.1].
    void read_config(std::span<std::byte> to) const;

private:
    [[nodiscard]] std::uint32_t read(abi::virtio::Register which, std::uint32_t offset = 0) const;
    void write(abi::virtio::Register which, std::uint32_t value) const;
    void write_address(abi::virtio::Register low, std::uint64_t gpa) const;
    Result<> negotiate(std::uint64_t wanted);
    Result<bool> set_up_queue(std::uint32_t index, Virtqueue& queue);

    abi::DeviceRecord record_{};
    std::uint64_t features_ = 0;
};

}  // namespace husk
