// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/device_table.hpp"

#include "guest-runtime/base/panic.hpp"

namespace husk::fs {

namespace {

struct Driver {
    FileType type;
    std::uint64_t device;
    DeviceOpener opener;
};

constexpr std::size_t max_drivers = 48;
constinit Driver drivers[max_drivers] = {};
constinit std::size_t driver_count = 0;

}  // namespace

void register_device(FileType type, std::uint64_t device, DeviceOpener opener) {
    check(driver_count < max_drivers, "too many devices");
    drivers[driver_count++] = {type, device, opener};
}

Result<RefPtr<File>> open_device(RefPtr<Inode> inode, std::uint32_t flags) {
    std::uint64_t device = inode->attributes().represented_device;
    for (std::size_t i = 0; i < driver_count; ++i) {
        if (drivers[i].type == inode->type() && drivers[i].device == device) {
            return drivers[i].opener(std::move(inode), flags);
        }
    }
    return Errno::enxio;
}

}  // namespace husk::fs
