// SPDX-License-Identifier: Apache-2.0
// Guest-physical addresses that are registers: which device an access goes to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <husk/abi/guest_address.hpp>

namespace husk::bus {

// A device with registers. offset counts from the start of its range; offset + data.size() stays inside.
class MmioDevice {
public:
    virtual ~MmioDevice() = default;
    virtual void on_write(std::uint64_t offset, std::span<const std::byte> data) = 0;
    virtual void on_read(std::uint64_t offset, std::span<std::byte> data) = 0;
};

class MmioBus final {
public:
    // Ranges must not overlap; the device lives longer than the bus is used.
    void attach(abi::GuestPhys begin, std::uint64_t size_bytes, MmioDevice& device);

    // false: no device has all of [at, at + data.size()).
    [[nodiscard]] bool try_write(abi::GuestPhys at, std::span<const std::byte> data) const;
    [[nodiscard]] bool try_read(abi::GuestPhys at, std::span<std::byte> data) const;

private:
    struct Range {
        abi::GuestPhys begin;
        std::uint64_t size_bytes;
        MmioDevice* device;
    };

    [[nodiscard]] const Range* try_find(abi::GuestPhys at, std::uint64_t size_bytes) const;

    std::vector<Range> ranges_;
};

}  // namespace husk::bus
