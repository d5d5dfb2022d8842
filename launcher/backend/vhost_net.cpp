// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/vhost_net.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <vector>

#include <husk/abi/virtio/mmio.hpp>
#include <husk/abi/virtio/net.hpp>

#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::backend {

namespace {

using config::fill_in;
using host::ExitCode;
namespace feature = abi::virtio::feature;

constexpr const char* device_path = "/dev/vhost-net";
constexpr std::uint64_t needed_features =
    feature::version_1 | feature::event_idx | feature::indirect_desc | abi::virtio::net_feature::mrg_rxbuf;

// The interface as linux/vhost.h has it, which C++ does not take.
struct VringState {
    std::uint32_t index, number;
};
struct VringFile {
    std::uint32_t index;
    std::int32_t fd;
};
struct VringAddresses {
    std::uint32_t index, flags;
    std::uint64_t descriptors, used, available, log;
};
struct MemoryTable {  // the regions' words are behind it
    std::uint32_t count, padding;
};
constexpr std::size_t words_of_region = 4;
static_assert(sizeof(VringState) == 8 && sizeof(VringFile) == 8 && sizeof(VringAddresses) == 40 &&
              sizeof(MemoryTable) == 8);

constexpr unsigned magic = 0xaf;
constexpr unsigned long get_features = _IOR(magic, 0x00, std::uint64_t),
                        set_features = _IOW(magic, 0x00, std::uint64_t), set_owner = _IO(magic, 0x01),
                        set_memory_table = _IOW(magic, 0x03, MemoryTable),
                        set_vring_size = _IOW(magic, 0x10, VringState),
                        set_vring_addresses = _IOW(magic, 0x11, VringAddresses),
                        set_vring_base = _IOW(magic, 0x12, VringState), set_vring_kick = _IOW(magic, 0x20, VringFile),
                        set_vring_call = _IOW(magic, 0x21, VringFile), set_backend = _IOW(magic, 0x30, VringFile);
constexpr std::uint64_t header_of_vhost = 1ull << 27;  // VHOST_NET_F_VIRTIO_NET_HDR

std::uint64_t address_of(const void* pointer) {
    // SAFETY: only a number for the kernel, which checks the range.
    return reinterpret_cast<std::uint64_t>(pointer);
}

}  // namespace

VhostNet VhostNet::open() {
    host::FileDescriptor device(::open(device_path, O_RDWR | O_CLOEXEC));
    if (!device.is_open()) {
        if (errno == EACCES || errno == EPERM)
            throw host::Error(ExitCode::net_permission,
                              fill_in("no permission to open {}: run husk as root, or leave out vhost", device_path));
        if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
            throw host::Error(ExitCode::net_missing,
                              fill_in("{} is missing: load the module as root (modprobe vhost_net), or leave out vhost",
                                      device_path));
        throw host::errno_error(fill_in("cannot open {}", device_path));
    }
    std::uint64_t features = 0;
    if (::ioctl(device.get(), set_owner) != 0 || ::ioctl(device.get(), get_features, &features) != 0)
        throw host::errno_error(fill_in("cannot use {}", device_path));
    if ((features & needed_features) != needed_features)
        throw host::Error(ExitCode::net_missing, fill_in("{} of this kernel is too old; leave out vhost", device_path));
    return VhostNet(std::move(device), features);
}

bool VhostNet::try_start(std::uint64_t features, std::span<const VhostRegion> memory,
                         const std::array<VhostQueue, 2>& queues, int tap) {
    // The tap has virtio's header for itself; without this flag the kernel leaves it in place.
    const std::uint64_t accepted = features & features_ & ~header_of_vhost;
    if (::ioctl(device_.get(), set_features, &accepted) != 0 || !try_set_memory(memory)) return false;
    for (std::uint32_t i = 0; i < queues.size(); ++i) {
        if (!try_set_queue(i, queues[i])) return false;
    }
    for (std::uint32_t i = 0; i < queues.size(); ++i) {
        if (try_attach(i, tap)) continue;
        const int error = errno;
        stop();
        errno = error;
        return false;
    }
    return true;
}

bool VhostNet::try_set_memory(std::span<const VhostRegion> memory) const {
    std::vector<std::uint64_t> table(1 + memory.size() * words_of_region);
    table[0] = memory.size();  // the count, and padding behind it
    std::size_t next = 1;
    for (const VhostRegion& region : memory) {
        for (const std::uint64_t word : {region.guest_begin, std::uint64_t{region.bytes.size()},
                                         address_of(region.bytes.data()), std::uint64_t{0}})
            table[next++] = word;
    }
    return ::ioctl(device_.get(), set_memory_table, table.data()) == 0;
}

bool VhostNet::try_set_queue(std::uint32_t index, const VhostQueue& queue) const {
    const VringState size{index, queue.size}, base{index, 0};
    const VringAddresses addresses{
        index, 0, address_of(queue.descriptors), address_of(queue.used), address_of(queue.available), 0};
    const VringFile kick{index, queue.kick_fd}, call{index, queue.call_fd};
    const int fd = device_.get();
    return ::ioctl(fd, set_vring_size, &size) == 0 && ::ioctl(fd, set_vring_base, &base) == 0 &&
           ::ioctl(fd, set_vring_addresses, &addresses) == 0 && ::ioctl(fd, set_vring_kick, &kick) == 0 &&
           ::ioctl(fd, set_vring_call, &call) == 0;
}

bool VhostNet::try_attach(std::uint32_t index, int tap) const {
    const VringFile backend{index, tap};
    return ::ioctl(device_.get(), set_backend, &backend) == 0;
}

void VhostNet::stop() {
    for (const std::uint32_t index : {0u, 1u}) static_cast<void>(try_attach(index, -1));
}

}  // namespace husk::backend
