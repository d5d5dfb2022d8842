// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/tap.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "launcher/backend/interface_control.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"

// Linux 6.2; Debian 12's header is older.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace husk::backend {

namespace {

using config::fill_in;
using host::ExitCode;

constexpr const char* tun_device = "/dev/net/tun";

unsigned offload_flags(const NetOffloads& offloads) {
    unsigned flags = 0;
    if (offloads.checksum) flags |= TUN_F_CSUM;
    if (offloads.tso4) flags |= TUN_F_TSO4;
    if (offloads.tso6) flags |= TUN_F_TSO6;
    // The kernel takes both or none.
    if (offloads.uso) flags |= TUN_F_USO4 | TUN_F_USO6;
    return flags;
}

bool try_offloads(int fd, const NetOffloads& offloads) {
    return ::ioctl(fd, TUNSETOFFLOAD, static_cast<unsigned long>(offload_flags(offloads))) == 0;
}

// Everything first, since a kernel that does not know a flag refuses the whole set.
NetOffloads find_offloads(int fd) {
    constexpr NetOffloads all{true, true, true, true}, without_uso{true, true, true, false};
    for (const NetOffloads& offloads : {all, without_uso}) {
        if (try_offloads(fd, offloads)) return offloads;
    }
    return {};
}

host::FileDescriptor open_device() {
    host::FileDescriptor fd(::open(tun_device, O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (fd.is_open()) return fd;
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
        throw host::Error(
            ExitCode::net_missing,
            fill_in("{} is missing: load the module as root (modprobe tun), or use --net user", tun_device));
    }
    if (errno == EACCES || errno == EPERM) {
        throw host::Error(ExitCode::net_permission,
                          fill_in("no permission to open {}: run husk as root, or use --net user", tun_device));
    }
    throw host::errno_error(fill_in("cannot open {}", tun_device));
}

// Becomes a queue of the interface `name`, which is made where there is none; a name with %d takes the next number.
std::string attach(int fd, const std::string& name, bool several_queues) {
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (several_queues) request.ifr_flags |= IFF_MULTI_QUEUE;
    if (::ioctl(fd, TUNSETIFF, &request) == 0) return request.ifr_name;
    switch (errno) {
        case EPERM:
        case EACCES:
            throw host::Error(ExitCode::net_permission,
                              fill_in("no permission to use the tap {}: run husk as root, or make the tap for this "
                                      "user (ip tuntap add {} mode tap user NAME)",
                                      name, name));
        case EBUSY:
            throw host::Error(ExitCode::net_busy, fill_in("the tap {} is in use by another program", name));
        case EINVAL:
            throw host::Error(ExitCode::net_missing,
                              fill_in("{} is no tap, or one with {}; make it with: ip tuntap add {} mode tap{}", name,
                                      several_queues ? "a single queue" : "several queues", name,
                                      several_queues ? " multi_queue" : ""));
        default:
            throw host::errno_error(fill_in("cannot open the tap {}", name));
    }
}

}  // namespace

Tap::Tap(std::string name, std::vector<host::FileDescriptor> queues)
    : name_(std::move(name)), queues_(std::move(queues)) {
    prepare();
}

Tap Tap::open(const std::string& name, std::uint32_t queue_pairs) {
    const bool is_new = !interface_exists(name);
    std::vector<host::FileDescriptor> queues;
    std::string known_as = name;
    for (std::uint32_t i = 0; i < queue_pairs; ++i) {
        queues.push_back(open_device());
        known_as = attach(queues.back().get(), known_as, queue_pairs > 1);
    }
    if (is_new) set_interface_up(known_as);
    return Tap(std::move(known_as), std::move(queues));
}

Tap Tap::open_on_bridge(const std::string& bridge, std::uint32_t queue_pairs) {
    if (!interface_exists(bridge)) {
        throw host::Error(ExitCode::net_missing,
                          fill_in("there is no bridge {}: 'husk net up' makes one, or as root: ip link add {} type "
                                  "bridge && ip link set {} up",
                                  bridge, bridge, bridge));
    }
    if (!is_bridge(bridge)) throw host::Error(ExitCode::net_missing, fill_in("{} is not a bridge", bridge));
    Tap tap = open("husktap%d", queue_pairs);
    // As the bridge's, or frames of full size would not pass.
    const std::uint32_t mtu = interface_mtu(bridge);
    if (mtu != 0 && mtu != tap.mtu_) {
        set_interface_mtu(tap.name_, mtu);
        tap.mtu_ = mtu;
    }
    join_bridge(bridge, tap.name_);
    return tap;
}

Tap Tap::adopt(int fd) {
    ifreq request{};
    if (::ioctl(fd, TUNGETIFF, &request) != 0 || (request.ifr_flags & IFF_TAP) == 0)
        throw host::Error(ExitCode::net_missing, fill_in("descriptor {} is no open tap", fd));
    if ((request.ifr_flags & IFF_VNET_HDR) == 0) {
        throw host::Error(ExitCode::net_missing,
                          fill_in("the tap behind descriptor {} was opened without IFF_VNET_HDR", fd));
    }
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    std::vector<host::FileDescriptor> queues;
    queues.emplace_back(fd);
    return Tap(request.ifr_name, std::move(queues));
}

void Tap::prepare() {
    for (const host::FileDescriptor& queue : queues_) {
        int header_bytes = net_header_bytes;
        if (::ioctl(queue.get(), TUNSETVNETHDRSZ, &header_bytes) != 0)
            throw host::errno_error(fill_in("the tap {} does not take virtio's header", name_));
    }
    offloads_ = find_offloads(queues_.front().get());
    try_offloads(queues_.front().get(), {});
    if (const std::uint32_t mtu = interface_mtu(name_); mtu != 0) mtu_ = mtu;
    used_queues_ = queue_pairs();
    use_queues(1);
}

void Tap::accept_offloads(const NetOffloads& offloads) { try_offloads(queues_.front().get(), offloads); }

void Tap::use_queues(std::uint32_t count) {
    for (std::uint32_t i = 1; i < queues_.size(); ++i) {
        const bool was_used = i < used_queues_, is_used = i < count;
        if (was_used == is_used) continue;
        ifreq request{};
        request.ifr_flags = is_used ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE;
        ::ioctl(queues_[i].get(), TUNSETQUEUE, &request);
    }
    used_queues_ = count;
}

FrameStatus Tap::send(std::uint32_t queue, std::span<const iovec> frame) {
    if (::writev(queues_[queue].get(), frame.data(), static_cast<int>(frame.size())) >= 0) return FrameStatus::done;
    switch (errno) {
        case EAGAIN:
        case ENOBUFS:
            return FrameStatus::again;
        case EBADFD:  // the interface was deleted
            return FrameStatus::gone;
        default:  // EIO: the interface is down. EINVAL: a header that makes no sense
            return FrameStatus::dropped;
    }
}

ReceivedFrame Tap::receive(std::uint32_t queue, std::span<const iovec> room) {
    const ssize_t size = ::readv(queues_[queue].get(), room.data(), static_cast<int>(room.size()));
    if (size >= 0) return {FrameStatus::done, static_cast<std::size_t>(size)};
    return {errno == EBADFD || errno == ENODEV ? FrameStatus::gone : FrameStatus::again, 0};
}

}  // namespace husk::backend
