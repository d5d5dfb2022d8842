// SPDX-License-Identifier: Apache-2.0
#include "tests/support/net_fakes/fake_net_device.hpp"

#include <cstring>
#include <memory>

#include "guest-runtime/net/configure.hpp"

namespace husk::test {

namespace {

class HeapBuffer final : public net::ReceivedBuffer {
public:
    explicit HeapBuffer(std::span<const std::uint8_t> bytes) : bytes_(bytes.begin(), bytes.end()) {}
    void release() override { delete this; }
    std::byte* data() { return reinterpret_cast<std::byte*>(bytes_.data()); }

private:
    Frame bytes_;
};

}  // namespace

Result<> FakeNetDevice::send(const net::OutgoingFrame& frame) {
    if (is_busy) return Errno::enobufs;
    Frame bytes;
    for (const net::FramePiece& piece : frame.pieces) {
        const auto* data = reinterpret_cast<const std::uint8_t*>(piece.data);
        bytes.insert(bytes.end(), data, data + piece.size_bytes);
    }
    bytes.erase(bytes.begin(), bytes.begin() + net::device_header_bytes);
    sent.push_back(std::move(bytes));
    asked.push_back(frame);
    asked.back().pieces = {};
    tokens_.push_back(frame.token);
    return {};
}

void FakeNetDevice::collect(net::FrameSink& sink) {
    for (void* token : std::exchange(tokens_, {})) sink.on_sent(token);
    while (!incoming_.empty()) {
        Incoming frame = std::move(incoming_.front());
        incoming_.pop_front();
        std::vector<net::IncomingPiece> pieces;
        std::span<const std::uint8_t> left(frame.bytes);
        do {
            std::size_t size = std::min(left.size(), frame.piece_bytes);
            auto* buffer = new HeapBuffer(left.first(size));
            pieces.push_back({buffer, buffer->data(), size});
            left = left.subspan(size);
        } while (!left.empty());
        sink.on_frame(pieces, frame.checksum_is_right);
    }
}

void FakeNetDevice::deliver(std::span<const std::uint8_t> frame, std::size_t piece_bytes, bool checksum_is_right) {
    incoming_.push_back({Frame(frame.begin(), frame.end()), piece_bytes, checksum_is_right});
    net::serve_net_devices();
}

FakeNetDevice& eth0() {
    static FakeNetDevice* device = [] {
        auto* made = new FakeNetDevice({{0x52, 0x54, 0, 0, 0, 1}, 1500, false});
        (void)net::add_net_device(*made);
        constexpr char settings[] = "ip=eth0,10.0.0.2/24,10.0.0.1\0ip=eth0,fd00::2/64";
        net::configure({settings, sizeof settings - 1});
        return made;
    }();
    return *device;
}

}  // namespace husk::test
