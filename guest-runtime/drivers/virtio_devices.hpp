// SPDX-License-Identifier: Apache-2.0
// The virtio devices of the VM, found in the boot info and started.
#pragma once

#include <span>

#include <husk/abi/device_record.hpp>

namespace husk::virtio_devices {

// Once at boot, with heap and scheduler up: a driver for every device that one is known for. What cannot be started is
// left out, which a line of the log says.
void start(std::span<const abi::DeviceRecord> records);

// In the handler of a device's interrupt, which may be any device's.
void acknowledge_interrupts();

}  // namespace husk::virtio_devices
