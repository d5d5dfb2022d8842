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

    // The way to a running device: begin(), add_queue() for each, finish(). A device that was handed over running stays
    // as it is, when its features are among those that are wanted.
    //
    // Agrees on features. EIO when the device refuses.
    Result<> begin(std::uint64_t wanted_features);
    // False: the device has no such queue. ENOMEM.
    Result<bool> add_queue(std::uint32_t index, Virtqueue& queue);
    void finish() const;
    // All of it, with the first queues.size() queues or fewer. Returns how many there are; EIO when there is none.
    Result<std::size_t> start(std::uint64_t wanted_features, std::span<Virtqueue> queues);
    // Gives the device up. True: it touches no queue from now on.
    [[nodiscard]] bool try_abandon() const { return try_reset(); }
    [[nodiscard]] bool has(std::uint64_t feature) const { return (features_ & feature) != 0; }

    void notify(std::uint32_t queue) const { write(abi::virtio::Register::queue_notify, queue); }
    // Tells the device that its interrupt was seen; what it has used can be looked for afterwards.
    void acknowledge_interrupt() const;
    [[nodiscard]] std::uint32_t interrupt() const { return record_.interrupt; }

    // A field of the configuration space, read at its own width as must be [virtio 4.2.2.2]; one of 64 bits in two
    // halves, until the device has not changed it meanwhile [virtio 2.5.1]. One that the features do not bring need not
    // be there.
    [[nodiscard]] std::uint8_t read_config8(std::uint32_t offset) const;
    [[nodiscard]] std::uint16_t read_config16(std::uint32_t offset) const;
    [[nodiscard]] std::uint32_t read_config32(std::uint32_t offset) const;
    [[nodiscard]] std::uint64_t read_config64(std::uint32_t offset) const;

private:
    [[nodiscard]] std::uint64_t address_of(abi::virtio::Register which) const;
    [[nodiscard]] std::uint32_t read(abi::virtio::Register which) const;
    void write(abi::virtio::Register which, std::uint32_t value) const;
    void write_address(abi::virtio::Register low, std::uint64_t gpa) const;
    Result<> negotiate(std::uint64_t wanted);
    [[nodiscard]] bool try_reset() const;

    abi::DeviceRecord record_{};
    std::uint64_t features_ = 0;
    bool runs_already_ = false;
};

}  // namespace husk
