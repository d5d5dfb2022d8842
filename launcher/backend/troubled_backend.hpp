// SPDX-License-Identifier: Apache-2.0
// A network on which frames are lost, doubled, delayed and overtaken, in both directions, as a bad line does.
//
// The sequence of what happens is the same for each run with the same seed and frames.
#pragma once

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "launcher/backend/net_backend.hpp"
#include "launcher/config/net_config.hpp"

namespace husk::backend {

class TroubledBackend final : public NetBackend {
public:
    TroubledBackend(std::unique_ptr<NetBackend> network, const config::NetTrouble& trouble, std::uint32_t seed);

    // None: a frame that stands for forty is not what a line loses.
    [[nodiscard]] NetOffloads offloads() const override { return {}; }
    [[nodiscard]] std::uint32_t mtu() const override { return network_->mtu(); }
    [[nodiscard]] int ready_fd(std::uint32_t queue) const override { return network_->ready_fd(queue); }
    [[nodiscard]] FrameStatus send(std::uint32_t queue, std::span<const iovec> frame) override;
    [[nodiscard]] ReceivedFrame receive(std::uint32_t queue, std::span<const iovec> room) override;
    [[nodiscard]] std::string why_gone() override { return network_->why_gone(); }
    [[nodiscard]] std::uint64_t deadline_ns() const override;

private:
    struct Frame {
        std::uint64_t due_ns;
        std::vector<std::byte> bytes;
    };
    using Line = std::deque<Frame>;  // by due_ns

    void put(Line& line, std::span<const std::byte> bytes);
    [[nodiscard]] FrameStatus send_due();
    [[nodiscard]] FrameStatus read_all();
    [[nodiscard]] bool happens(std::uint32_t percent);

    std::unique_ptr<NetBackend> network_;
    config::NetTrouble trouble_;
    std::mt19937 random_;
    Line outgoing_, incoming_;
    std::vector<std::byte> buffer_;
};

}  // namespace husk::backend
