// SPDX-License-Identifier: Apache-2.0
// A network whose frames, in both directions, are recorded on their way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "launcher/backend/net_backend.hpp"
#include "launcher/backend/pcap_file.hpp"

namespace husk::backend {

class RecordedBackend final : public NetBackend {
public:
    RecordedBackend(std::unique_ptr<NetBackend> network, PcapFile file)
        : network_(std::move(network)), file_(std::move(file)) {}

    [[nodiscard]] NetOffloads offloads() const override { return network_->offloads(); }
    [[nodiscard]] bool is_kernel_device() const override { return network_->is_kernel_device(); }
    [[nodiscard]] std::uint32_t queue_pairs() const override { return network_->queue_pairs(); }
    [[nodiscard]] std::uint32_t mtu() const override { return network_->mtu(); }
    void accept_offloads(const NetOffloads& offloads) override { network_->accept_offloads(offloads); }
    void use_queues(std::uint32_t count) override { network_->use_queues(count); }
    [[nodiscard]] int ready_fd(std::uint32_t queue) const override { return network_->ready_fd(queue); }
    [[nodiscard]] FrameStatus send(std::uint32_t queue, std::span<const iovec> frame) override;
    [[nodiscard]] ReceivedFrame receive(std::uint32_t queue, std::span<const iovec> room) override;
    [[nodiscard]] std::string why_gone() override { return network_->why_gone(); }
    [[nodiscard]] std::uint64_t deadline_ns() const override { return network_->deadline_ns(); }

private:
    std::unique_ptr<NetBackend> network_;
    PcapFile file_;
    std::vector<iovec> pieces_;
};

}  // namespace husk::backend
