// SPDX-License-Identifier: Apache-2.0
// The driver of a virtio-net device: frames of the stack in and out, buffers passed on without a copy [virtio 5.1].
//
// It begins with one pair of queues. With several vCPUs it asks a device that has more for one pair each; they are in
// use once the device has said yes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <husk/abi/virtio/net.hpp>

#include "guest-runtime/drivers/net_queue_pair.hpp"
#include "guest-runtime/drivers/virtio_transport.hpp"
#include "guest-runtime/net/net_device.hpp"

namespace husk {

class VirtioNet final : public net::NetDevice {
public:
    static constexpr std::uint32_t most_pairs = 8;

    explicit VirtioNet(const VirtioTransport& transport) : transport_(transport) {}
    VirtioNet(const VirtioNet&) = delete;
    VirtioNet& operator=(const VirtioNet&) = delete;
    // Of a test's; a VM's devices last as long as it does, and what is in queues stays there.
    ~VirtioNet();
    // EIO when the device refuses, ENOMEM.
    Result<> start();

    void on_interrupt() const { transport_.acknowledge_interrupt(); }

    [[nodiscard]] const net::NetDeviceFacts& facts() const override { return facts_; }
    [[nodiscard]] std::uint32_t queue_pairs() const override { return used_pairs_; }
    Result<> send(const net::OutgoingFrame& frame) override;
    void flush() override;
    void notify() override;
    void refill() override;
    void collect(net::FrameSink& sink) override;

private:
    // What a command and its answer lie in, for the device to read and write.
    struct ControlRoom {
        abi::virtio::NetControl command;
        std::uint16_t pairs;
        std::uint8_t answer;
    };

    static std::uint32_t receive_index(std::uint32_t pair) { return 2 * pair; }
    static std::uint32_t send_index(std::uint32_t pair) { return 2 * pair + 1; }

    Result<> agree();
    void learn_facts();
    Result<> add_pairs(std::uint32_t offered_pairs);
    void ask_for_pairs();
    void hear_answer();
    void notify_later(std::uint32_t queue) { to_notify_.fetch_or(1u << queue, std::memory_order_relaxed); }
    void fill();
    void look_at_link(net::FrameSink& sink);
    bool give_up_if_broken(net::FrameSink& sink);

    VirtioTransport transport_;
    std::atomic<std::uint32_t> to_notify_ = 0;  // bit n: the device has to hear of queue n
    net::NetDeviceFacts facts_{};
    std::array<NetQueuePair*, most_pairs> pairs_{};
    std::uint32_t pair_count_ = 0;  // set up, with buffers
    std::uint32_t used_pairs_ = 1;  // by which the device may bring frames, and takes them
    Virtqueue control_queue_;
    std::uint32_t control_index_ = 0;
    ControlRoom* control_room_ = nullptr;  // while a command is under way
    bool reports_link_ = false;
    bool link_is_up_ = true;
    bool is_given_up_ = false;
};

}  // namespace husk
