// SPDX-License-Identifier: Apache-2.0
// The host's kernel as the device's side of a tap's two queues: /dev/vhost-net [linux/vhost.h].
//
//   VhostNet vhost = VhostNet::open();
//   if (!vhost.try_start(features, memory, queues, tap)) ...errno...
//   vhost.stop();                                  // from here on it touches no memory
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

// A piece of guest RAM and where this process has it.
struct VhostRegion {
    std::uint64_t guest_begin = 0;
    std::span<std::byte> bytes;
};

// A queue's parts, as this process has them; what the driver signals and what the kernel does.
struct VhostQueue {
    std::uint32_t size = 0;
    const void* descriptors = nullptr;
    const void* available = nullptr;
    const void* used = nullptr;
    int kick_fd = -1;
    int call_fd = -1;
};

class VhostNet final {
public:
    // Throws host::Error: net_missing, net_permission, host_failure.
    [[nodiscard]] static VhostNet open();

    // The receiving queue, then the sending one. features: what the driver has accepted; those that are the kernel's
    // business are passed on. false: errno says why not, and nothing runs.
    [[nodiscard]] bool try_start(std::uint64_t features, std::span<const VhostRegion> memory,
                                 const std::array<VhostQueue, 2>& queues, int tap);

    void stop();

private:
    explicit VhostNet(host::FileDescriptor device, std::uint64_t features)
        : device_(std::move(device)), features_(features) {}
    [[nodiscard]] bool try_set_memory(std::span<const VhostRegion> memory) const;
    [[nodiscard]] bool try_set_queue(std::uint32_t index, const VhostQueue& queue) const;
    [[nodiscard]] bool try_attach(std::uint32_t index, int tap) const;

    host::FileDescriptor device_;
    std::uint64_t features_;
};

}  // namespace husk::backend
