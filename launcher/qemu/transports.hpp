// SPDX-License-Identifier: Apache-2.0
// Where microvm has its virtio devices.
#pragma once

#include <cstddef>
#include <string>

#include "launcher/config/text.hpp"

namespace husk::qemu {

inline constexpr std::size_t transports = 8;

// The bus of the n-th device, n < transports. A guest counts devices from the highest address down, since QEMU itself
// places them in that order.
[[nodiscard]] inline std::string transport_bus(std::size_t index) {
    return config::fill_in("virtio-mmio-bus.{}", transports - 1 - index);
}

}  // namespace husk::qemu
