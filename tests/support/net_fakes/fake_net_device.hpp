// SPDX-License-Identifier: Apache-2.0
// A network device in the hands of a test: what the guest sends is kept, what the test hands over is received.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "guest-runtime/net/net_device.hpp"

namespace husk::test {

using Frame = std::vector<std::uint8_t>;

class FakeNetDevice final : public net::NetDevice {
public:
    explicit FakeNetDevice(net::NetDeviceFacts facts) : facts_(facts) {}

    // Lets the guest receive a frame, in buffers of at most `piece_bytes`.
    void deliver(std::span<const std::uint8_t> frame, std::size_t piece_bytes = 4096, bool checksum_is_right = false);
    // Frames that the guest has sent since, without the driver's header.
    std::deque<Frame> sent;
    // What each of them asked the device for.
    std::deque<net::OutgoingFrame> asked;
    bool is_busy = false;

    [[nodiscard]] const net::NetDeviceFacts& facts() const override { return facts_; }
    Result<> send(const net::OutgoingFrame& frame) override;
    void flush() override {}
    void notify() override {}
    void collect(net::FrameSink& sink) override;

private:
    struct Incoming {
        Frame bytes;
        std::size_t piece_bytes;
        bool checksum_is_right;
    };
    net::NetDeviceFacts facts_;
    std::deque<Incoming> incoming_;
    std::vector<void*> tokens_;
};

// The one device of a test program, "eth0": 10.0.0.2/24, gateway 10.0.0.1, fe80::5054:ff:fe00:1 and fd00::2.
FakeNetDevice& eth0();

}  // namespace husk::test
