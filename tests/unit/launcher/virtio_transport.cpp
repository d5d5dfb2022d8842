// SPDX-License-Identifier: Apache-2.0
#include "launcher/virtio/mmio_transport.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>

#include "tests/support/virtio_driver.hpp"

using namespace husk;
using abi::virtio::Register;
using test::VirtioDriver;
namespace status = abi::virtio::status;
namespace feature = abi::virtio::feature;

namespace {

// What the transport made the device do.
struct Log {
    int starts = 0;
    int stops = 0;
    std::uint64_t features = 0;
    std::size_t queues = 0;
    std::vector<std::uint32_t> notified;
    virtio::DriverLink* driver = nullptr;
};

class FakeDevice final : public virtio::Device {
public:
    explicit FakeDevice(Log& log) : log_(log) {}
    abi::virtio::DeviceId id() const override { return abi::virtio::DeviceId::net; }
    std::uint64_t features() const override { return 0x5 | std::uint64_t{1} << 54; }
    std::uint32_t queue_count() const override { return 2; }
    std::uint32_t queue_size_max() const override { return 64; }
    std::span<const std::byte> config() const override { return std::as_bytes(std::span(&config_, 1)); }
    void start(std::uint64_t features, std::vector<NumberedQueue> queues, virtio::DriverLink& driver) override {
        ++log_.starts;
        log_.features = features;
        log_.queues = queues.size();
        log_.driver = &driver;
    }
    void stop() override { ++log_.stops; }
    void notify(std::uint32_t queue) override { log_.notified.push_back(queue); }
    int notify_fd(std::uint32_t) const override { return -1; }
    std::span<const std::byte> on_config_write(std::size_t offset, std::span<const std::byte> data) override {
        if (offset + data.size() <= sizeof config_)
            std::memcpy(reinterpret_cast<std::byte*>(&config_) + offset, data.data(), data.size());
        return config();
    }
    virtio::DeviceCounters counters() const override { return {}; }

private:
    Log& log_;
    std::uint32_t config_ = 0x01020304;
};

struct Registers final : virtio::TransportHost {
    memory::GuestMemory memory = test::make_guest_memory();
    alignas(4096) std::array<std::byte, 4096> page{};
    Log log;
    std::string fault;
    int news = 0;
    virtio::MmioTransport transport{"eth0", std::make_unique<FakeDevice>(log), memory, page, *this};

    void on_device_news(std::uint32_t) override { ++news; }
    void on_device_note(const std::string&) override {}
    void on_device_fault(const std::string& sentence) override { fault = sentence; }
    void on_device_breakdown(const std::string& sentence) override { fault = sentence; }

    void write(Register at, std::uint32_t value) {
        transport.on_write(static_cast<std::uint64_t>(at), std::as_bytes(std::span(&value, 1)));
    }
    std::uint32_t read(Register at) {
        std::uint32_t value = 0;
        std::memcpy(&value, page.data() + static_cast<std::size_t>(at), sizeof value);
        return value;
    }
    void accept(std::uint64_t features) {
        write(Register::status, status::acknowledge);
        write(Register::status, status::acknowledge | status::driver);
        for (const std::uint32_t half : {0u, 1u}) {
            write(Register::driver_features_sel, half);
            write(Register::driver_features, static_cast<std::uint32_t>(features >> (32 * half)));
        }
        write(Register::status, status::acknowledge | status::driver | status::features_ok);
    }
    void enable_queue(std::uint32_t index, std::uint32_t size) {
        const virtio::QueueLayout layout = VirtioDriver(memory, 64).layout();
        write(Register::queue_sel, index);
        write(Register::queue_num, size);
        write(Register::queue_desc_low, static_cast<std::uint32_t>(layout.descriptors.value));
        write(Register::queue_driver_low, static_cast<std::uint32_t>(layout.available.value));
        write(Register::queue_device_low, static_cast<std::uint32_t>(layout.used.value));
        write(Register::queue_ready, 1);
    }
};

}  // namespace

TEST_CASE("a device says what it is, without an exit") {
    Registers registers;
    CHECK(registers.read(Register::magic_value) == 0x74726976);
    CHECK(registers.read(Register::version) == 2);
    CHECK(registers.read(Register::device_id) == 1);
    CHECK(registers.read(Register::queue_num_max) == 64);
    CHECK(registers.read(Register::config) == 0x01020304);
    registers.write(Register::queue_sel, 2);
    CHECK(registers.read(Register::queue_num_max) == 0);
}

TEST_CASE("a driver negotiates, enables queues and resets") {
    Registers registers;
    registers.write(Register::device_features_sel, 1);
    CHECK(registers.read(Register::device_features) == ((1u << 22) | 1u));
    registers.write(Register::device_features_sel, 2);
    CHECK(registers.read(Register::device_features) == 0);
    registers.accept(feature::version_1 | 4);
    CHECK((registers.read(Register::status) & status::features_ok) != 0);
    registers.enable_queue(1, 64);
    CHECK(registers.read(Register::queue_ready) == 1);
    registers.write(Register::status, 15);
    CHECK(registers.log.starts == 1);
    CHECK(registers.log.features == (feature::version_1 | 4));
    CHECK(registers.log.queues == 1);
    registers.write(Register::queue_notify, 1);
    CHECK(registers.log.notified == std::vector<std::uint32_t>{1});

    registers.log.driver->signal_used(1);
    CHECK(registers.news == 1);
    CHECK(registers.read(Register::interrupt_status) == 1);
    registers.write(Register::interrupt_ack, 1);
    CHECK(registers.read(Register::interrupt_status) == 0);

    registers.write(Register::status, 0);
    CHECK(registers.log.stops == 1);
    CHECK(registers.read(Register::status) == 0);
    CHECK(registers.read(Register::queue_ready) == 0);
    CHECK(registers.fault.empty());
}

TEST_CASE("features that were not offered are not accepted") {
    Registers registers;
    registers.accept(feature::version_1 | 2);
    CHECK((registers.read(Register::status) & status::features_ok) == 0);
    registers.write(Register::status, 0);
    registers.accept(4);  // without version 1
    CHECK((registers.read(Register::status) & status::features_ok) == 0);
    registers.write(Register::status, 15);
    CHECK(registers.log.starts == 0);
}

TEST_CASE("what no driver may do is named") {
    Registers registers;
    registers.write(Register::status, status::acknowledge | status::driver | status::driver_ok);
    CHECK(registers.fault == "device eth0: driver_ok before the features were agreed on");
    CHECK((registers.read(Register::status) & status::needs_reset) != 0);
    registers.enable_queue(0, 65);
    CHECK(registers.fault.find("queue 0 of 65 entries") != std::string::npos);
    registers.write(Register::queue_notify, 2);
    CHECK(registers.fault.find("queue 2") != std::string::npos);
    const std::uint16_t half = 0;
    registers.transport.on_write(0x70, std::as_bytes(std::span(&half, 1)));
    CHECK(registers.fault.find("2 bytes to register 0x70") != std::string::npos);
}

TEST_CASE("a device is handed over running") {
    Registers registers;
    const std::array layouts{VirtioDriver(registers.memory, 64).layout()};
    constexpr std::uint64_t driver = feature::event_idx | feature::indirect_desc | feature::version_1 | 5;
    const std::uint64_t features = registers.transport.hand_over(layouts, driver);
    CHECK(registers.log.starts == 1);
    CHECK(features == registers.log.features);
    CHECK(features == driver);
    CHECK(registers.read(Register::status) == 15);
    CHECK(registers.read(Register::queue_ready) == 1);
}

TEST_CASE("a change of the configuration has a new generation") {
    Registers registers;
    const std::uint32_t before = registers.read(Register::config_generation);
    const std::byte value{0x77};
    registers.transport.on_write(0x101, {&value, 1});
    CHECK(registers.read(Register::config) == 0x01027704);
    CHECK(registers.read(Register::config_generation) != before);
    registers.transport.on_write(0xffc, std::as_bytes(std::span(&before, 1)));  // beyond: nothing
}
