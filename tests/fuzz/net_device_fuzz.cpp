// SPDX-License-Identifier: Apache-2.0
// A network device's queues under a hostile driver: the input is guest memory, with rings and descriptors in it, and
// what the driver overwrites while the device works.
//
// byte 0: features and frame sizes; then bytes of memory from ring_begin on, at most memory_input_bytes; then changes:
// offset (2 bytes), length (1 byte), bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "launcher/backend/pieces.hpp"
#include "launcher/devices/net_control.hpp"
#include "launcher/devices/net_receiver.hpp"
#include "launcher/devices/net_sender.hpp"
#include "launcher/memory/guest_memory.hpp"

using namespace husk;

namespace {

constexpr std::uint64_t memory_bytes = 4 << 20;
constexpr std::uint64_t ring_begin = 4096;
constexpr std::size_t memory_input_bytes = 16384;
constexpr std::uint32_t queue_size = 16;
constexpr int frames_per_round = 40;
constexpr std::uint64_t queue_stride = 1024;

// Takes every other frame, and has ever longer ones to give.
class Network final : public backend::NetBackend {
public:
    [[nodiscard]] std::uint32_t mtu() const override { return 1500; }
    [[nodiscard]] int ready_fd(std::uint32_t) const override { return -1; }
    [[nodiscard]] backend::FrameStatus send(std::uint32_t, std::span<const iovec> frame) override {
        backend::copy_from(frame, 0, buffer_);  // every byte has to be readable
        return ++sent_ % 2 == 0 ? backend::FrameStatus::again : backend::FrameStatus::done;
    }
    [[nodiscard]] backend::ReceivedFrame receive(std::uint32_t, std::span<const iovec> room) override {
        size_ = (size_ * 3 + backend::ethernet_header_bytes) % buffer_.size();
        return {backend::FrameStatus::done,
                std::max(backend::net_header_bytes, backend::store_at(room, 0, std::span(buffer_).first(size_)))};
    }

private:
    std::vector<std::byte> buffer_ = std::vector<std::byte>(backend::net_header_bytes + 2000);
    std::size_t size_ = 60;
    int sent_ = 0;
};

virtio::Queue make_queue(const memory::GuestMemory& memory, std::uint64_t index, std::uint64_t features) {
    const std::uint64_t begin = ring_begin + index * queue_stride;
    const virtio::QueueLayout layout{queue_size,
                                     {begin},
                                     {begin + abi::virtio::queue_layout::available_offset(queue_size)},
                                     {begin + abi::virtio::queue_layout::used_offset(queue_size)}};
    return *virtio::Queue::try_create(memory, layout, features);
}

void obey(virtio::Queue& control) {
    for (int i = 0; i < frames_per_round; ++i) {
        auto chain = control.try_take();
        if (!chain) return;
        if (const auto answer = devices::answer_net_control(*chain, 4)) {
            control.complete(std::move(*chain), answer->written_bytes);
        } else {
            chain->abandon();
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto memory = memory::GuestMemory::create(memory_bytes, config::HugePages::off);
    if (size == 0) return 0;
    auto input = std::as_bytes(std::span(data, size));
    const auto choices = std::to_integer<unsigned>(input[0]);
    input = input.subspan(1);
    const std::span<std::byte> ram = memory.try_span({0}, memory_bytes);
    std::ranges::fill(ram.first(ring_begin + memory_input_bytes), std::byte{0});
    const std::size_t image_bytes = std::min(input.size(), memory_input_bytes);
    std::ranges::copy(input.first(image_bytes), ram.begin() + ring_begin);
    input = input.subspan(image_bytes);

    std::uint64_t features = 0;
    if ((choices & 1) != 0) features |= abi::virtio::feature::event_idx;
    if ((choices & 2) != 0) features |= abi::virtio::feature::indirect_desc;
    Network network;
    devices::NetReceiver receiver({0, make_queue(memory, 0, features)}, 0, network,
                                  backend::net_header_bytes + ((choices & 8) != 0 ? 2000u : 200u), (choices & 4) != 0);
    devices::NetSender sender({1, make_queue(memory, 1, features)}, 0, network);
    virtio::Queue control = make_queue(memory, 2, features);

    for (;;) {
        for (int i = 0; i < frames_per_round; ++i) {
            static_cast<void>(sender.send());
            static_cast<void>(receiver.receive());
        }
        obey(control);
        static_cast<void>(receiver.queue().take_interrupt_wish());
        static_cast<void>(receiver.arm());
        static_cast<void>(sender.arm());
        if (input.size() < 3) break;
        const std::size_t at =
            (std::to_integer<std::size_t>(input[0]) | std::to_integer<std::size_t>(input[1]) << 8) % memory_input_bytes;
        const std::size_t count = std::min(std::to_integer<std::size_t>(input[2]), input.size() - 3);
        std::ranges::copy(input.subspan(3, count), ram.begin() + ring_begin + static_cast<std::ptrdiff_t>(at));
        input = input.subspan(3 + count);
    }
    sender.abandon();
    receiver.abandon();
    return 0;
}
