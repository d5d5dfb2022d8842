// SPDX-License-Identifier: Apache-2.0
// A tap interface of the host: frames go to and come from its kernel, straight out of and into guest memory.
#pragma once

#include <string>
#include <vector>

#include "launcher/backend/net_backend.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

class Tap final : public NetBackend {
public:
    // The interface of that name; where there is none it is made, and lives as long as this object.
    // These throw host::Error: net_missing, net_permission, net_busy, host_failure.
    [[nodiscard]] static Tap open(const std::string& name, std::uint32_t queue_pairs);
    // A new one that is a member of `bridge`; it goes when this object or the process does.
    [[nodiscard]] static Tap open_on_bridge(const std::string& bridge, std::uint32_t queue_pairs);
    // One that somebody else has opened.
    [[nodiscard]] static Tap adopt(int fd);

    [[nodiscard]] NetOffloads offloads() const override { return offloads_; }
    [[nodiscard]] bool is_kernel_device() const override { return true; }
    [[nodiscard]] std::uint32_t queue_pairs() const override { return static_cast<std::uint32_t>(queues_.size()); }
    [[nodiscard]] std::uint32_t mtu() const override { return mtu_; }
    void accept_offloads(const NetOffloads& offloads) override;
    void use_queues(std::uint32_t count) override;
    [[nodiscard]] int ready_fd(std::uint32_t queue) const override { return queues_[queue].get(); }
    [[nodiscard]] FrameStatus send(std::uint32_t queue, std::span<const iovec> frame) override;
    [[nodiscard]] ReceivedFrame receive(std::uint32_t queue, std::span<const iovec> room) override;

    [[nodiscard]] const std::string& name() const { return name_; }
    // For another process, such as QEMU; this object is not used afterwards.
    [[nodiscard]] std::vector<host::FileDescriptor> release() { return std::move(queues_); }

private:
    Tap(std::string name, std::vector<host::FileDescriptor> queues);
    void prepare();

    std::string name_;
    std::vector<host::FileDescriptor> queues_;
    std::uint32_t used_queues_ = 1;
    std::uint32_t mtu_ = 1500;
    NetOffloads offloads_;
};

}  // namespace husk::backend
