// SPDX-License-Identifier: Apache-2.0
// Ethernet frames over a stream socket, each behind its length as 4 bytes, big-endian: QEMU's framing, which passt and
// other VMMs speak as well.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "launcher/backend/net_backend.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::backend {

// address: a path, or HOST:PORT. listens: waits until one peer has come. Throws host::Error (net_peer, net_busy,
// usage).
[[nodiscard]] host::FileDescriptor open_stream(const std::string& address, bool listens);

class StreamSocket final : public NetBackend {
public:
    StreamSocket(host::FileDescriptor socket, std::uint32_t mtu);

    [[nodiscard]] std::uint32_t mtu() const override { return mtu_; }
    [[nodiscard]] int ready_fd(std::uint32_t) const override { return socket_.get(); }
    [[nodiscard]] FrameStatus send(std::uint32_t queue, std::span<const iovec> frame) override;
    [[nodiscard]] ReceivedFrame receive(std::uint32_t queue, std::span<const iovec> room) override;
    [[nodiscard]] std::uint64_t deadline_ns() const override;

private:
    static constexpr std::size_t length_bytes = 4;

    [[nodiscard]] FrameStatus flush();
    [[nodiscard]] FrameStatus fill();
    // The frame at the front of what was read, once it is complete.
    [[nodiscard]] FrameStatus take(std::span<const iovec> room, std::size_t& size_bytes);

    host::FileDescriptor socket_;
    std::uint32_t mtu_;
    std::vector<iovec> pieces_;
    std::vector<std::byte> unsent_;  // of a frame that went out in part
    std::size_t unsent_begin_ = 0;
    std::vector<std::byte> input_;
    std::size_t input_begin_ = 0, input_end_ = 0;
};

}  // namespace husk::backend
