// SPDX-License-Identifier: Apache-2.0
// The guest's driver of a network device against the launcher's device model, over the registers and queues between.
#include "guest-runtime/drivers/virtio_net.hpp"

#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/base/heap.hpp"
#include "launcher/devices/net_device.hpp"
#include "tests/unit/device_pairs/surroundings.hpp"
#include "tests/unit/launcher/memory_network.hpp"

using namespace husk;

namespace {

// Keeps what the driver brings.
struct Sink final : net::FrameSink {
    void on_frame(std::span<const net::IncomingPiece> pieces, bool) override {
        std::string& frame = frames.emplace_back();
        for (const net::IncomingPiece& piece : pieces) {
            frame.append(reinterpret_cast<const char*>(piece.data), piece.size_bytes);
            piece.buffer->release();
        }
    }
    void on_sent(void*) override { ++sent; }
    void on_link(bool up) override { is_up = up; }
    std::vector<std::string> frames;
    std::size_t sent = 0;
    bool is_up = true;
};

// A network with `pairs` pairs of queues, whose tap would take every offload.
struct Machine {
    explicit Machine(std::uint32_t pairs, bool handed_over) {
        devices::NetFacts facts;
        facts.mac = {0x52, 0x54, 0, 1, 2, 3};
        facts.mtu = 9000;
        facts.queue_pairs = pairs;
        facts.offloads = {true, true, true, true};
        auto device = std::make_unique<devices::NetDevice>(
            facts, devices::NetLimits{}, std::make_unique<test::MemoryNetwork>(wire, pairs), spin_facts, [] {});
        const abi::DeviceRecord record =
            guest.attach("eth0", std::move(device), handed_over, abi::virtio::net_driver_features);
        driver = std::make_unique<VirtioNet>(VirtioTransport(record));
        REQUIRE(driver->start().ok());
    }
    // Until `holds`, or a while after which it never will.
    template <class Condition>
    bool comes_true(Condition holds) {
        for (int i = 0; i < 5000; ++i) {
            driver->collect(sink);
            driver->notify();
            if (holds()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return false;
    }

    // Sends `bytes` in pieces of `piece_bytes`, by the queue pair given.
    void send(const std::string& bytes, std::size_t piece_bytes, std::uint32_t pair) {
        const std::size_t size = net::device_header_bytes + bytes.size();
        auto* bytes_at = static_cast<std::byte*>(heap::allocate(size));
        std::memcpy(bytes_at + net::device_header_bytes, bytes.data(), bytes.size());
        std::vector<net::FramePiece> pieces;
        for (std::size_t at = 0; at < size; at += piece_bytes)
            pieces.push_back({bytes_at + at, std::min(piece_bytes, size - at)});
        net::OutgoingFrame frame{pieces, 0, 0, bytes_at};
        frame.queue_pair = pair;
        REQUIRE(driver->send(frame).ok());
        driver->flush();
        driver->notify();
    }

    test::Surroundings guest;
    test::MemoryNetwork::Wire wire;
    event::SpinFacts spin_facts;
    std::unique_ptr<VirtioNet> driver;
    Sink sink;
};

std::string text_of(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + size);
    return text;
}

}  // namespace

TEST_CASE("a device is taken over as it was handed over, whatever the network offers") {
    for (std::uint32_t pairs : {1u, 2u}) {
        Machine machine(pairs, true);
        REQUIRE(machine.comes_true([&] { return machine.driver->queue_pairs() == pairs; }));
        // Not one register but to notify.
        CHECK(machine.guest.transport->counters().register_writes == machine.guest.transport->counters().notifications);
        CHECK(machine.driver->facts().mtu == 9000);
        CHECK(machine.driver->facts().mac == std::array<std::uint8_t, 6>{0x52, 0x54, 0, 1, 2, 3});
        CHECK(machine.driver->facts().cuts_ipv4);
        CHECK(machine.driver->facts().cuts_ipv6);
        CHECK_FALSE(machine.wire.accepted.uso);
        CHECK(machine.guest.host.fault.empty());
    }
}

TEST_CASE("frames of every size go and come by every pair of queues") {
    for (bool handed_over : {true, false}) {
        Machine machine(2, handed_over);
        REQUIRE(machine.comes_true([&] { return machine.driver->queue_pairs() == 2; }));
        CHECK(machine.wire.used_queues == 2);
        std::vector<std::string> sent;
        std::vector<std::uint32_t> by;
        for (std::uint32_t pair : {0u, 1u, 1u, 0u}) {
            for (std::size_t size : {14u, 60u, 1514u, 9014u}) {
                for (std::size_t piece : {12u, 200u, 16384u}) {
                    if (size / piece > 60) continue;
                    sent.push_back(text_of(size));
                    by.push_back(pair);
                    machine.send(sent.back(), piece, pair);
                    // One at a time: the device serves its queues one after the other.
                    REQUIRE(machine.comes_true([&] { return machine.sink.sent == sent.size(); }));
                }
            }
        }
        CHECK(machine.wire.taken() == sent);
        CHECK(machine.wire.sent_by == by);
        std::vector<std::string> received;
        for (std::size_t queue : {0u, 1u}) {
            for (std::size_t size : {14u, 1514u, 4020u, 9014u}) {
                machine.guest.host.homes = 0;
                received.push_back(text_of(size));
                machine.wire.put(received.back(), queue);
                REQUIRE(machine.comes_true([&] { return machine.sink.frames.size() == received.size(); }));
                CHECK((machine.guest.host.homes & (1u << queue)) != 0);  // the vCPU whose queue it is
            }
        }
        CHECK(machine.sink.frames == received);
        CHECK(machine.guest.host.fault.empty());
    }
}

TEST_CASE("a frame in several pieces takes one descriptor") {
    Machine machine(1, true);
    {
        const std::lock_guard lock(machine.wire.mutex);
        machine.wire.room_frames = 0;  // nothing is finished meanwhile
    }
    for (int i = 0; i < 200; ++i) machine.send(text_of(1514), 100, 0);
    {
        const std::lock_guard lock(machine.wire.mutex);
        machine.wire.room_frames = SIZE_MAX;
    }
    REQUIRE(machine.comes_true([&] { return machine.sink.sent == 200; }));
    CHECK(machine.wire.taken() == std::vector<std::string>(200, text_of(1514)));
}

TEST_CASE("a network that goes away is a link that is down") {
    Machine machine(2, true);
    machine.wire.end();
    CHECK(machine.comes_true([&] { return !machine.sink.is_up; }));
}

TEST_CASE("a device that had to do without buffers has some again once there is memory") {
    Machine machine(1, true);
    machine.guest.is_out_of_memory = true;
    constexpr std::size_t more_than_buffers = 300;
    for (std::size_t i = 0; i < more_than_buffers; ++i) machine.wire.put(text_of(100));
    constexpr std::size_t buffers = 256;
    REQUIRE(machine.comes_true([&] { return machine.sink.frames.size() == buffers; }));
    machine.driver->refill();
    machine.driver->notify();
    machine.guest.is_out_of_memory = false;
    // Once the device's last word is heard, nothing happens any more that the driver could hear of.
    for (int i = 0; i < 250; ++i) {
        machine.guest.host.homes = 0;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        if (machine.guest.host.homes == 0) break;
    }
    CHECK(machine.guest.host.homes == 0);
    machine.driver->refill();
    machine.driver->notify();
    for (int i = 0; i < 5000 && machine.guest.host.homes == 0; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(machine.guest.host.homes != 0);
    CHECK(machine.comes_true([&] { return machine.sink.frames.size() == more_than_buffers; }));
}
