// SPDX-License-Identifier: Apache-2.0
// A connected socket that keeps frames apart (SOCK_SEQPACKET): one message is one Ethernet frame, without a header.
#pragma once

#include <vector>

#include "launcher/backend/net_backend.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

class PacketSocket : public NetBackend {
public:
    PacketSocket(host::FileDescriptor socket, std::uint32_t mtu) : socket_(std::move(socket)), mtu_(mtu) {}

    [[nodiscard]] std::uint32_t mtu() const override { return mtu_; }
    [[nodiscard]] int ready_fd(std::uint32_t) const override { return socket_.get(); }
    [[nodiscard]] FrameStatus send(std::uint32_t queue, std::span<const iovec> frame) override;
    [[nodiscard]] ReceivedFrame receive(std::uint32_t queue, std::span<const iovec> room) override;

protected:
    void close() { socket_.close(); }

private:
    host::FileDescriptor socket_;
    std::uint32_t mtu_;
    std::vector<iovec> pieces_;  // without the header
};

}  // namespace husk::backend
