// SPDX-License-Identifier: Apache-2.0
// The guest's driver of a network device against a device that lies. What the driver hands on is memory that is there,
// and belongs to whoever has it.
#include "guest-runtime/drivers/virtio_net.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "guest-runtime/base/heap.hpp"
#include "tests/fuzz/driver_memory.hpp"

using namespace husk;
using fuzz::address_of;
using fuzz::demand;
using fuzz::Input;
using fuzz::is_allocated;
namespace virtio = abi::virtio;

namespace {

class NetKind final : public fuzz::DeviceKind {
public:
    explicit NetKind(std::uint16_t pairs)
        : DeviceKind(virtio::DeviceId::net, virtio::net_driver_features), pairs_(pairs) {}

    std::uint32_t read_config(Input& input, std::uint64_t offset, unsigned width) override {
        demand(width == (offset < sizeof virtio::NetConfig::mac ? 1u : 2u));
        return offset == offsetof(virtio::NetConfig, max_queue_pairs) ? pairs_ : input.word();
    }

    void scribble(Input& input, const virtio::Descriptor& descriptor) override {
        auto* to = reinterpret_cast<std::uint8_t*>(descriptor.address);
        virtio::NetHeader header{};
        header.flags = input.byte();
        header.segmentation = input.byte();
        header.segment_bytes = input.word();
        header.csum_start = input.word();
        header.csum_offset = input.word();
        header.buffer_count = input.byte() % 2 == 0 ? 1 : input.word() % 24;
        std::memcpy(to, &header, std::min<std::size_t>(sizeof header, descriptor.size_bytes));
    }

private:
    std::uint16_t pairs_;
};

// Like the stack: holds buffers for a while, and looks at every byte.
class Sink final : public net::FrameSink {
public:
    explicit Sink(Input& input) : input_(input) {}
    void on_frame(std::span<const net::IncomingPiece> pieces, bool) override {
        demand(!pieces.empty());
        for (const net::IncomingPiece& piece : pieces) {
            demand(is_allocated(address_of(piece.data), piece.size_bytes));
            for (std::size_t i = 0; i < piece.size_bytes; ++i) sum_ += std::to_integer<unsigned>(piece.data[i]);
            held_.push_back(piece.buffer);
        }
        if (input_.byte() % 4 != 0) release();
    }
    void on_sent(void* token) override {
        demand(sent_.erase(address_of(token)) == 1);  // once each
        heap::release(token, frame_bytes);
    }
    void on_link(bool) override {}
    void release() {
        for (net::ReceivedBuffer* buffer : held_) buffer->release();
        held_.clear();
    }

    static constexpr std::size_t frame_bytes = 4096;
    void send(VirtioNet& driver) {
        auto* memory = static_cast<std::byte*>(heap::allocate(frame_bytes));
        std::array<net::FramePiece, 70> pieces;
        const std::size_t count = 1u + input_.byte() % pieces.size();
        for (std::size_t i = 0; i < count; ++i) pieces[i] = {memory + i * 50, 50};
        net::OutgoingFrame frame{std::span(pieces).first(count), input_.word(), input_.word(), memory};
        frame.queue_pair = input_.byte() % driver.queue_pairs();
        frame.segment_bytes = input_.word();
        if (driver.send(frame).ok()) {
            sent_.emplace(address_of(memory), true);
        } else {
            heap::release(memory, frame_bytes);
        }
    }
    void forget() {
        release();
        sent_.clear();
    }

private:
    Input& input_;
    std::vector<net::ReceivedBuffer*> held_;
    std::map<std::uintptr_t, bool> sent_;
    unsigned sum_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(std::span(data, size));
    NetKind kind(input.word() % 3 == 0 ? input.word() : std::uint16_t{2});
    fuzz::HostileDevice hostile(input, kind);
    fuzz::attached_device = &hostile;
    auto driver = std::make_unique<VirtioNet>(VirtioTransport(hostile.record()));
    Sink sink(input);
    if (driver->start().ok()) {
        while (!input.is_over()) {
            switch (input.byte() % 4) {
                case 0:
                    sink.send(*driver);
                    break;
                case 1:
                    driver->flush();
                    driver->collect(sink);
                    driver->notify();
                    break;
                case 2:
                    sink.release();
                    break;
                default:
                    hostile.step();
            }
        }
        driver->collect(sink);
    }
    sink.forget();
    driver.reset();
    fuzz::attached_device = nullptr;
    fuzz::free_driver_memory();
    return 0;
}
