// SPDX-License-Identifier: Apache-2.0
// What boot info says about one virtio device: where its registers are and, where the launcher has done the driver's
// first steps already, what was agreed.
#pragma once

#include <cstddef>
#include <cstdint>

#include <husk/abi/virtio/mmio.hpp>

namespace husk::abi {

inline constexpr std::uint32_t no_interrupt = UINT32_MAX;

// Our launcher puts the register page of device n here, in the hole between RAM; the physmap maps it for ring 3.
inline constexpr std::uint64_t device_registers_base = 0xd000'0000;
inline constexpr std::uint32_t max_devices = 32;

// Twenty register writes, each an exit, would cost more than the rest of a boot. So a device may be handed over
// running: features accepted, queues [0, queue_count) enabled and empty, status driver_ok. A driver that wants
// something else resets the device and begins as [virtio 3.1] says.
struct DeviceRecord {
    std::uint64_t registers;  // gpa
    virtio::DeviceId device;  // none: read it from the registers
    std::uint32_t interrupt;  // I/O APIC input; no_interrupt: attention::devices says that something was used
    std::uint64_t features;   // accepted, when queue_count is not 0
    std::uint32_t queue_count;
    std::uint32_t queue_size;  // entries of each
    std::uint64_t queues;      // gpa of the first, laid out as virtio::queue_layout; the others behind it
    std::uint64_t reserved;
};
static_assert(sizeof(DeviceRecord) == 48 && offsetof(DeviceRecord, queues) == 32);

}  // namespace husk::abi
