// SPDX-License-Identifier: Apache-2.0
#include "launcher/devices/block_device.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include <husk/abi/virtio/mmio.hpp>

#include "launcher/virtio/mmio_transport.hpp"
#include "tests/support/memory_storage.hpp"
#include "tests/support/virtio_driver.hpp"

using namespace husk;
using abi::virtio::BlockRequest;
using abi::virtio::BlockRequestHeader;
using test::VirtioDriver;
namespace flag = abi::virtio::descriptor_flag;
namespace status = abi::virtio::block_status;
using abi::virtio::Register;

namespace {

constexpr std::uint64_t header_at = VirtioDriver::data_at;
constexpr std::uint64_t status_at = VirtioDriver::data_at + 0x100;
constexpr std::uint64_t data_at = VirtioDriver::data_at + 0x1000;
constexpr std::uint8_t none = 0xff;

class Host final : public virtio::TransportHost {
public:
    void on_device_news(std::uint32_t) override {
        const std::lock_guard lock(mutex_);
        has_news_ = true;
        changed_.notify_all();
    }
    void on_device_note(const std::string&) override {}
    void on_device_fault(const std::string& sentence) override {
        const std::lock_guard lock(mutex_);
        fault_ = sentence;
        changed_.notify_all();
    }
    void on_device_breakdown(const std::string& sentence) override { on_device_fault("broken: " + sentence); }
    // Until there is news or a fault.
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return has_news_ || !fault_.empty(); });
        has_news_ = false;
    }
    std::string fault() {
        const std::lock_guard lock(mutex_);
        return fault_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool has_news_ = false;
    std::string fault_;
};

struct Disk {
    memory::GuestMemory memory = test::make_guest_memory();
    alignas(4096) std::array<std::byte, 4096> page{};
    VirtioDriver driver{memory, devices::block_queue_size};
    event::SpinFacts spin_facts;
    Host host;
    test::MemoryDisk bytes{64 << 10};
    virtio::MmioTransport transport;

    explicit Disk(devices::BlockFacts facts = {}, devices::BlockRates rates = {})
        : transport("vda", make(facts, rates), memory, page, host) {
        transport.hand_over(std::array{driver.layout()}, UINT64_MAX);
    }

    std::unique_ptr<devices::BlockDevice> make(devices::BlockFacts facts, devices::BlockRates rates) {
        facts.size_bytes = bytes.bytes.size();
        if (facts.serial.empty()) facts.serial = "a serial number";
        return std::make_unique<devices::BlockDevice>(facts, rates, std::make_unique<test::MemoryStorage>(bytes),
                                                      spin_facts);
    }
    void write(Register at, std::uint32_t value) {
        transport.on_write(static_cast<std::uint64_t>(at), std::as_bytes(std::span(&value, 1)));
    }
    std::uint32_t read(Register at) {
        std::uint32_t value = 0;
        transport.on_read(static_cast<std::uint64_t>(at), std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
    void start(BlockRequest type, std::uint64_t sector, std::uint32_t data_bytes, bool device_writes) {
        driver.store(header_at, BlockRequestHeader{type, 0, sector});
        driver.store(status_at, none);
        driver.set_descriptor(0, {header_at, sizeof(BlockRequestHeader), flag::next,
                                  static_cast<std::uint16_t>(data_bytes == 0 ? 2 : 1)});
        driver.set_descriptor(
            1, {data_at, data_bytes, static_cast<std::uint16_t>(flag::next | (device_writes ? flag::write : 0)), 2});
        driver.set_descriptor(2, {status_at, 1, flag::write, 0});
        driver.set_used_event(driver.used_index());
        driver.make_available(0);
        write(Register::queue_notify, 0);
    }
    // The status of one request that is waited for.
    std::uint8_t request(BlockRequest type, std::uint64_t sector, std::uint32_t data_bytes, bool device_writes) {
        start(type, sector, data_bytes, device_writes);
        host.wait();
        written = driver.take_used().value_or(abi::virtio::UsedElement{9, 0}).written_bytes;
        return driver.load<std::uint8_t>(status_at);
    }
    std::uint32_t written = 0;
};

}  // namespace

TEST_CASE("what is written to a block device is read from it") {
    Disk disk;
    disk.driver.store(data_at, std::array<char, 4>{'H', 'u', 's', 'k'});
    CHECK(disk.request(BlockRequest::out, 3, 1024, false) == status::ok);
    CHECK(disk.written == 1);
    CHECK(disk.bytes.bytes.substr(3 * 512, 4) == "Husk");
    disk.driver.store(data_at, std::array<char, 4>{});
    CHECK(disk.request(BlockRequest::in, 3, 512, true) == status::ok);
    CHECK(disk.written == 513);
    CHECK(disk.driver.text(data_at, 4) == "Husk");
}

TEST_CASE("a flush reaches the storage, and a driver may ask for none") {
    Disk disk;
    CHECK(disk.request(BlockRequest::flush, 0, 0, false) == status::ok);
    CHECK(disk.bytes.flushes == 1);
    const std::byte off{0};
    disk.transport.on_write(0x100 + offsetof(abi::virtio::BlockConfig, write_back), {&off, 1});
    CHECK(disk.request(BlockRequest::out, 0, 512, false) == status::ok);
    CHECK(disk.bytes.flushes == 2);  // write-through: durable by itself
}

TEST_CASE("the serial number is its own request") {
    Disk disk;
    CHECK(disk.request(BlockRequest::get_id, 0, 20, true) == status::ok);
    CHECK(disk.driver.text(data_at, 16) == std::string("a serial number\0", 16));
}

TEST_CASE("ranges are discarded and zeroed") {
    Disk disk;
    disk.driver.store(data_at, abi::virtio::DiscardSegment{8, 2, 0});
    CHECK(disk.request(BlockRequest::discard, 0, 16, false) == status::ok);
    CHECK(disk.bytes.bytes.substr(8 * 512 - 1, 1026) == "." + std::string(1024, 'd') + ".");
    disk.driver.store(data_at, std::array{abi::virtio::DiscardSegment{0, 1, 0}, abi::virtio::DiscardSegment{2, 1, 1}});
    CHECK(disk.request(BlockRequest::write_zeroes, 0, 32, false) == status::ok);
    CHECK(disk.bytes.bytes.substr(0, 1536) == std::string(512, 'z') + std::string(512, '.') + std::string(512, 'u'));
    disk.driver.store(data_at, abi::virtio::DiscardSegment{0, 1, 1});
    CHECK(disk.request(BlockRequest::discard, 0, 16, false) == status::unsupported);  // unmap is for write_zeroes
}

TEST_CASE("a request beyond the disk is an error and touches nothing") {
    Disk disk;
    CHECK(disk.request(BlockRequest::in, 128, 512, true) == status::io_error);
    CHECK(disk.request(BlockRequest::out, 127, 1024, false) == status::io_error);
    CHECK(disk.request(BlockRequest::in, UINT64_MAX, 512, true) == status::io_error);
    CHECK(disk.request(BlockRequest::in, 0, 100, true) == status::io_error);  // no whole sector
    CHECK(disk.request(BlockRequest::in, 0, 0, true) == status::io_error);
    disk.driver.store(data_at, abi::virtio::DiscardSegment{127, UINT32_MAX, 0});
    CHECK(disk.request(BlockRequest::discard, 0, 16, false) == status::io_error);
    CHECK(disk.request(BlockRequest::discard, 0, 15, false) == status::io_error);
    CHECK(disk.request(static_cast<BlockRequest>(77), 0, 512, true) == status::unsupported);
    CHECK(disk.bytes.bytes == std::string(64 << 10, '.'));
    CHECK(disk.host.fault().empty());
}

TEST_CASE("a read-only disk takes no changes") {
    Disk disk({.read_only = true});
    CHECK(disk.request(BlockRequest::out, 0, 512, false) == status::io_error);
    CHECK(disk.request(BlockRequest::in, 0, 512, true) == status::ok);
    CHECK((disk.transport.device().features() & abi::virtio::block_feature::read_only) != 0);
}

TEST_CASE("an error of the host becomes a status") {
    Disk disk;
    for (const int error : {EIO, ENOSPC, EDQUOT}) {
        disk.bytes.error = error;
        CHECK(disk.request(BlockRequest::in, 0, 512, true) == status::io_error);
        CHECK(disk.written == 1);
    }
    disk.bytes.error = EOPNOTSUPP;
    CHECK(disk.request(BlockRequest::flush, 0, 0, false) == status::unsupported);
    disk.bytes.error = 0;
    CHECK(disk.request(BlockRequest::in, 0, 512, true) == status::ok);
}

TEST_CASE("after a reset in mid-flight the guest's memory is left alone") {
    Disk disk;
    disk.bytes.delay_ms = 50;
    disk.start(BlockRequest::in, 0, 512, true);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // most likely it is under way
    disk.write(Register::status, 0);
    CHECK(disk.read(Register::status) == 0);
    disk.driver.store(data_at, std::array<char, 4>{'k', 'e', 'e', 'p'});
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    CHECK(disk.driver.text(data_at, 4) == "keep");
    CHECK(disk.driver.load<std::uint8_t>(status_at) == none);
    CHECK(disk.driver.used_index() == 0);
}

TEST_CASE("a driver that breaks a rule is named with device, queue and chain") {
    Disk disk;
    disk.driver.set_descriptor(5, {status_at, 1, flag::write, 0});
    disk.driver.make_available(5);
    disk.write(Register::queue_notify, 0);
    disk.host.wait();
    CHECK(disk.host.fault() == "device vda: queue 0: chain 5 has no room for a request's header and status");
    CHECK((disk.read(Register::status) & abi::virtio::status::needs_reset) != 0);
}

TEST_CASE("many requests are under way at the same time") {
    Disk disk;
    disk.bytes.delay_ms = 20;
    constexpr std::uint16_t count = 8;
    const auto began = std::chrono::steady_clock::now();
    for (std::uint16_t i = 0; i < count; ++i) {
        const auto base = static_cast<std::uint16_t>(3 * i);
        const std::uint64_t at = header_at + 0x1000u * i;
        disk.driver.store(at, BlockRequestHeader{BlockRequest::in, 0, i});
        disk.driver.set_descriptor(base, {at, 16, flag::next, static_cast<std::uint16_t>(base + 1)});
        disk.driver.set_descriptor(base + 1u, {at + 512, 513, flag::write, 0});
        disk.driver.make_available(base);
    }
    disk.driver.set_used_event(count - 1);
    disk.write(Register::queue_notify, 0);
    disk.host.wait();
    CHECK(disk.driver.used_index() == count);
    CHECK(disk.transport.device().counters().requests == count);
    CHECK(disk.transport.device().counters().bytes == count * 512);
    CHECK(std::chrono::steady_clock::now() > began);
}

TEST_CASE("a limit of operations is kept") {
    Disk disk({}, {.operations = 100});
    const auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < 30; ++i) CHECK(disk.request(BlockRequest::in, 0, 512, true) == status::ok);
    // 10 of them are the burst.
    CHECK(std::chrono::steady_clock::now() - began >= std::chrono::milliseconds(180));
}
