// SPDX-License-Identifier: Apache-2.0
#include "launcher/bus/mmio_bus.hpp"

namespace husk::bus {

void MmioBus::attach(abi::GuestPhys begin, std::uint64_t size_bytes, MmioDevice& device) {
    ranges_.push_back({begin, size_bytes, &device});
}

bool MmioBus::try_write(abi::GuestPhys at, std::span<const std::byte> data) const {
    const Range* range = try_find(at, data.size());
    if (range != nullptr) range->device->on_write(at - range->begin, data);
    return range != nullptr;
}

bool MmioBus::try_read(abi::GuestPhys at, std::span<std::byte> data) const {
    const Range* range = try_find(at, data.size());
    if (range != nullptr) range->device->on_read(at - range->begin, data);
    return range != nullptr;
}

const MmioBus::Range* MmioBus::try_find(abi::GuestPhys at, std::uint64_t size_bytes) const {
    for (const Range& range : ranges_) {
        if (at < range.begin) continue;
        const std::uint64_t offset = at - range.begin;
        if (offset < range.size_bytes && size_bytes <= range.size_bytes - offset) return &range;
    }
    return nullptr;
}

}  // namespace husk::bus
