// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/net_device.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "guest_queue.hpp"
#include "memory_network.hpp"

using namespace husk;
using backend::net_header_bytes;
using devices::NetDevice;
using test::GuestQueue;
using test::MemoryNetwork;

namespace {

constexpr std::uint64_t memory_bytes = 8 << 20;
constexpr std::uint64_t buffers_begin = 1 << 20;
constexpr std::uint32_t queue_size = 16;
namespace feature = abi::virtio::net_feature;
constexpr std::uint64_t two_pairs = feature::mrg_rxbuf | feature::multi_queue | feature::ctrl_vq;

// Until `holds`, or a while after which it never will.
template <class Condition>
bool comes_true(Condition holds) {
    for (int i = 0; i < 5000; ++i) {
        if (holds()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
}

struct Driver final : virtio::DriverLink {
    void signal_used(std::uint32_t) override { ++signals; }
    void change_config(std::span<const std::byte> config) override {
        const std::lock_guard lock(mutex);
        std::memcpy(&seen, config.data(), sizeof seen);
    }
    void note(const std::string&) override {}
    void fail(const std::string& what) override {
        const std::lock_guard lock(mutex);
        if (!fault) fault = what;
    }
    void break_down(const std::string& why) override { fail(why); }
    [[nodiscard]] std::optional<std::string> failure() {
        const std::lock_guard lock(mutex);
        return fault;
    }
    [[nodiscard]] std::optional<std::uint16_t> link() {
        const std::lock_guard lock(mutex);
        return seen.mtu == 0 ? std::nullopt : std::optional(std::uint16_t{seen.status});
    }

    std::atomic<int> signals = 0;
    std::mutex mutex;
    std::optional<std::string> fault;
    abi::virtio::NetConfig seen{};
};

// A device with its queues: 2 i receives, 2 i + 1 sends, the last is the control queue where there are several pairs.
struct Machine {
    explicit Machine(std::uint64_t features = feature::mrg_rxbuf, std::uint32_t pairs = 1,
                     std::uint64_t bytes_per_second = 0) {
        devices::NetFacts facts;
        facts.queue_pairs = pairs;
        facts.offloads = {true, true, true, false};
        auto network = std::make_unique<MemoryNetwork>(wire, pairs);
        device = std::make_unique<NetDevice>(facts, devices::NetLimits{bytes_per_second}, std::move(network),
                                             spin_facts, [this] { has_gone = true; });
        std::vector<virtio::Device::NumberedQueue> numbered;
        for (std::uint32_t i = 0; i < device->queue_count(); ++i) {
            queues.emplace_back(memory, (i + 1) * 16384, queue_size);
            numbered.push_back({i, queues.back().make_device_side()});
        }
        device->start(features, std::move(numbered), driver);
    }

    // Memory for a buffer, in which nothing else lies.
    std::uint64_t allocate(std::uint32_t size_bytes) {
        const std::uint64_t gpa = next_buffer;
        next_buffer += size_bytes;
        return gpa;
    }
    std::uint64_t store(std::string_view bytes) {
        const std::uint64_t gpa = allocate(static_cast<std::uint32_t>(bytes.size()));
        REQUIRE(memory.copy_out({gpa}, std::as_bytes(std::span(bytes))));
        return gpa;
    }
    std::string load(std::uint64_t gpa, std::size_t size_bytes) const {
        std::string bytes(size_bytes, '\0');
        REQUIRE(memory.copy_in({gpa}, std::as_writable_bytes(std::span(bytes))));
        return bytes;
    }
    void send(const std::string& frame, std::uint32_t queue = 1) {
        const std::string bytes = std::string(net_header_bytes, '\0') + frame;
        queues[queue].add({store(bytes), static_cast<std::uint32_t>(bytes.size()), false});
        device->notify(queue);
    }
    std::uint64_t offer(std::uint32_t size_bytes, std::uint32_t queue = 0) {
        const std::uint64_t gpa = allocate(size_bytes);
        queues[queue].add({gpa, size_bytes, true});
        return gpa;
    }
    // Of a machine with two pairs: what the device answers.
    std::uint8_t ask_for_pairs(std::uint16_t pairs) {
        const abi::virtio::NetControl command{abi::virtio::net_control::class_multi_queue,
                                              abi::virtio::net_control::multi_queue_pairs_set};
        std::string bytes(sizeof command + sizeof pairs, '\0');
        std::memcpy(bytes.data(), &command, sizeof command);
        std::memcpy(bytes.data() + sizeof command, &pairs, sizeof pairs);
        const std::uint64_t answer = allocate(1);
        queues[4].add(std::vector<GuestQueue::Buffer>{{store(bytes), static_cast<std::uint32_t>(bytes.size()), false},
                                                      {answer, 1, true}});
        device->notify(4);
        REQUIRE(comes_true([&] { return queues[4].try_take_used().has_value(); }));
        return static_cast<std::uint8_t>(load(answer, 1)[0]);
    }

    const memory::GuestMemory memory = memory::GuestMemory::create(memory_bytes, config::HugePages::off);
    std::uint64_t next_buffer = buffers_begin;
    event::SpinFacts spin_facts;
    MemoryNetwork::Wire wire;
    Driver driver;
    std::atomic<bool> has_gone = false;
    std::vector<GuestQueue> queues;
    std::unique_ptr<NetDevice> device;
};

std::string frame_of(std::size_t size_bytes, char fill = 'x') { return std::string(size_bytes, fill); }

std::uint16_t buffer_count(const std::string& header) {
    std::uint16_t count = 0;
    std::memcpy(&count, header.data() + offsetof(abi::virtio::NetHeader, buffer_count), sizeof count);
    return count;
}

}  // namespace

TEST_CASE("what the driver sends reaches the network in order and without its header") {
    Machine machine;
    machine.send(frame_of(60, 'a'));
    machine.send(frame_of(1514, 'b'));
    REQUIRE(comes_true([&] { return machine.queues[1].used_index() == 2; }));
    CHECK(machine.wire.taken() == std::vector<std::string>{frame_of(60, 'a'), frame_of(1514, 'b')});
    CHECK(machine.device->counters().requests == 2);
    CHECK(machine.device->counters().bytes == 60 + 1514);
}

TEST_CASE("a frame in many pieces is one frame") {
    Machine machine;
    const std::string bytes = std::string(net_header_bytes, '\0') + frame_of(60);
    const std::uint64_t gpa = machine.store(bytes);
    machine.queues[1].add(
        std::vector<GuestQueue::Buffer>{{gpa, 5, false}, {gpa + 5, 40, false}, {gpa + 45, 27, false}});
    machine.device->notify(1);
    REQUIRE(comes_true([&] { return machine.queues[1].used_index() == 1; }));
    CHECK(machine.wire.taken() == std::vector<std::string>{frame_of(60)});
}

TEST_CASE("what is no frame goes nowhere and comes back") {
    Machine machine;
    machine.send("");
    machine.send(frame_of(backend::ethernet_header_bytes - 1));
    machine.send(frame_of(60));
    REQUIRE(comes_true([&] { return machine.queues[1].used_index() == 3; }));
    CHECK(machine.wire.taken() == std::vector<std::string>{frame_of(60)});
    CHECK_FALSE(machine.driver.failure());
}

TEST_CASE("a network without room holds frames back and loses none") {
    Machine machine;
    machine.wire.room_frames = 1;
    for (const char fill : {'a', 'b', 'c'}) machine.send(frame_of(60, fill));
    REQUIRE(comes_true([&] { return machine.wire.taken().size() == 1; }));
    {
        const std::lock_guard lock(machine.wire.mutex);
        machine.wire.room_frames = SIZE_MAX;
    }
    REQUIRE(comes_true([&] { return machine.queues[1].used_index() == 3; }));
    CHECK(machine.wire.taken() == std::vector<std::string>{frame_of(60, 'a'), frame_of(60, 'b'), frame_of(60, 'c')});
}

TEST_CASE("a received frame fills as many buffers as it needs, and its header counts them") {
    Machine machine;
    std::vector<std::uint64_t> buffers;
    for (int i = 0; i < 4; ++i) buffers.push_back(machine.offer(1024));
    machine.device->notify(0);
    const std::string frame = frame_of(1000, 'a') + frame_of(500, 'b');
    machine.wire.put(frame);
    REQUIRE(comes_true([&] { return machine.queues[0].used_index() == 2; }));
    CHECK(machine.queues[0].try_take_used()->written_bytes == 1024);
    CHECK(machine.queues[0].try_take_used()->written_bytes == net_header_bytes + frame.size() - 1024);
    const std::string first = machine.load(buffers[0], 1024);
    CHECK(buffer_count(first) == 2);
    CHECK(first.substr(net_header_bytes) + machine.load(buffers[1], net_header_bytes + frame.size() - 1024) == frame);
    CHECK(machine.driver.signals > 0);
}

TEST_CASE("frames wait in the network until there are buffers") {
    Machine machine;
    machine.wire.put(frame_of(60, 'a'));
    machine.wire.put(frame_of(60, 'b'));
    machine.offer(2048);
    machine.device->notify(0);
    REQUIRE(comes_true([&] { return machine.queues[0].used_index() == 1; }));
    const std::uint64_t second = machine.offer(2048);
    machine.device->notify(0);
    REQUIRE(comes_true([&] { return machine.queues[0].used_index() == 2; }));
    CHECK(machine.load(second, net_header_bytes + 60).substr(net_header_bytes) == frame_of(60, 'b'));
}

TEST_CASE("a frame for which too few buffers are there is kept until there are enough") {
    Machine machine;
    machine.offer(100);
    machine.device->notify(0);
    machine.wire.put(frame_of(250));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(machine.queues[0].used_index() == 0);
    machine.offer(100);
    machine.offer(100);
    machine.device->notify(0);
    REQUIRE(comes_true([&] { return machine.queues[0].used_index() == 3; }));
}

TEST_CASE("without mergeable buffers each frame has one, and one that does not fit is lost") {
    Machine machine(0);
    const std::uint64_t buffer = machine.offer(100);
    machine.device->notify(0);
    machine.wire.put(frame_of(250, 'a'));
    machine.wire.put(frame_of(60, 'b'));
    REQUIRE(comes_true([&] { return machine.queues[0].used_index() == 1; }));
    const std::string bytes = machine.load(buffer, net_header_bytes + 60);
    CHECK(buffer_count(bytes) == 1);
    CHECK(bytes.substr(net_header_bytes) == frame_of(60, 'b'));
}

TEST_CASE("the control queue sets how many queues are in use, up to what there is") {
    Machine machine(two_pairs, 2);
    CHECK(machine.ask_for_pairs(2) == abi::virtio::net_control::ok);
    CHECK(machine.wire.used_queues == 2);
    CHECK(machine.ask_for_pairs(3) == abi::virtio::net_control::error);
    CHECK(machine.ask_for_pairs(0) == abi::virtio::net_control::error);
    CHECK(machine.wire.used_queues == 2);
}

TEST_CASE("each pair of queues has one of the network's for itself, once it is in use") {
    Machine machine(two_pairs, 2);
    const std::uint64_t first = machine.offer(2048, 0), second = machine.offer(2048, 2);
    machine.device->notify(2);
    machine.wire.put(frame_of(60, 'b'), 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(machine.queues[2].used_index() == 0);
    REQUIRE(machine.ask_for_pairs(2) == abi::virtio::net_control::ok);
    REQUIRE(comes_true([&] { return machine.queues[2].used_index() == 1; }));
    CHECK(machine.load(second, net_header_bytes + 60).substr(net_header_bytes) == frame_of(60, 'b'));
    machine.wire.put(frame_of(60, 'a'));
    REQUIRE(comes_true([&] { return machine.queues[0].used_index() == 1; }));
    CHECK(machine.load(first, net_header_bytes + 60).substr(net_header_bytes) == frame_of(60, 'a'));

    machine.send(frame_of(60), 3);
    REQUIRE(comes_true([&] { return machine.queues[3].used_index() == 1; }));
    machine.send(frame_of(60), 1);
    REQUIRE(comes_true([&] { return machine.queues[1].used_index() == 1; }));
    CHECK(machine.wire.sent_by == std::vector<std::uint32_t>{1, 0});
}

TEST_CASE("the network learns what large frames the driver takes, and forgets it at a reset") {
    Machine machine(feature::mrg_rxbuf | feature::guest_csum | feature::guest_tso4);
    CHECK(machine.wire.accepted == backend::NetOffloads{true, true, false, false});
    machine.device->stop();
    GuestQueue receive(machine.memory, 512 << 10, queue_size), transmit(machine.memory, 600 << 10, queue_size);
    std::vector<virtio::Device::NumberedQueue> numbered;
    numbered.push_back({0, receive.make_device_side()});
    numbered.push_back({1, transmit.make_device_side()});
    machine.device->start(feature::mrg_rxbuf, std::move(numbered), machine.driver);
    CHECK(machine.wire.accepted == backend::NetOffloads{});
}

TEST_CASE("a driver that breaks a rule is named with its queue, and nothing more is done for it") {
    Machine machine;
    SUBCASE("a descriptor that does not exist") {
        machine.queues[1].publish(queue_size);
        machine.device->notify(1);
        REQUIRE(comes_true([&] { return machine.driver.failure().has_value(); }));
        CHECK(machine.driver.failure()->starts_with("queue 1: "));
    }
    SUBCASE("an address without memory") {
        machine.queues[0].add({memory_bytes, 1024, true});
        machine.device->notify(0);
        REQUIRE(comes_true([&] { return machine.driver.failure().has_value(); }));
        CHECK(machine.driver.failure()->starts_with("queue 0: "));
    }
    machine.send(frame_of(60));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(machine.wire.taken().empty());
}

TEST_CASE("when the network goes, the link goes down and frames go nowhere") {
    Machine machine;
    machine.offer(2048);
    machine.device->notify(0);
    machine.wire.end();
    REQUIRE(comes_true([&] { return machine.has_gone.load(); }));
    CHECK(machine.driver.link() == 0);
    machine.send(frame_of(60));
    CHECK(comes_true([&] { return machine.queues[1].used_index() == 1; }));
    CHECK_FALSE(machine.driver.failure());
}

TEST_CASE("a reset gives up the buffers that wait for frames, and the device starts again") {
    Machine machine;
    machine.offer(2048);
    machine.device->notify(0);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    machine.device->stop();
    GuestQueue receive(machine.memory, 512 << 10, queue_size), transmit(machine.memory, 600 << 10, queue_size);
    std::vector<virtio::Device::NumberedQueue> numbered;
    numbered.push_back({0, receive.make_device_side()});
    numbered.push_back({1, transmit.make_device_side()});
    machine.device->start(feature::mrg_rxbuf, std::move(numbered), machine.driver);
    const std::uint64_t buffer = machine.allocate(2048);
    receive.add({buffer, 2048, true});
    machine.device->notify(0);
    machine.wire.put(frame_of(60));
    REQUIRE(comes_true([&] { return receive.used_index() == 1; }));
    CHECK(machine.load(buffer, net_header_bytes + 60).substr(net_header_bytes) == frame_of(60));
}

TEST_CASE("a rate limit delays frames and loses none") {
    constexpr std::uint64_t bytes_per_second = 100'000;  // a burst of 10,000 at once
    Machine machine(feature::mrg_rxbuf, 1, bytes_per_second);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 14; ++i) machine.send(frame_of(1000));
    REQUIRE(comes_true([&] { return machine.queues[1].used_index() == 14; }));
    CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(25));
}
