// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/block/block_devices.hpp"

#include <array>

#include <husk/abi/device_record.hpp>

#include "guest-runtime/base/panic.hpp"

namespace husk::block {

namespace {

constinit std::array<BlockDevice*, abi::max_devices> devices{};
constinit std::size_t count = 0;

}  // namespace

void add_device(BlockDevice& device) {
    check(count < devices.size(), "too many disks");
    devices[count++] = &device;
}

BlockDevice* device_at(std::size_t index) { return index < count ? devices[index] : nullptr; }

BlockDevice* find_device(std::string_view name) {
    for (std::size_t i = 0; i < count; ++i) {
        if (devices[i]->name() == name) return devices[i];
    }
    return nullptr;
}

}  // namespace husk::block
