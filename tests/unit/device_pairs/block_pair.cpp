// SPDX-License-Identifier: Apache-2.0
// The guest's driver of a disk against the launcher's device model, over the registers and queues between.
#include "guest-runtime/drivers/virtio_block.hpp"

#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "launcher/devices/block_device.hpp"
#include "tests/support/memory_storage.hpp"
#include "tests/unit/device_pairs/surroundings.hpp"

using namespace husk;
using block::Operation;

namespace {

constexpr std::size_t disk_bytes = 1 << 20;
VirtioBlock* disk_of_transfers = nullptr;

struct Request final : block::BlockRequest {
    void on_done() override { is_done = true; }
    bool is_done = false;
};

struct Machine {
    explicit Machine(bool handed_over, devices::BlockFacts facts = {}, std::uint64_t features = ~std::uint64_t{0}) {
        facts.size_bytes = disk_bytes;
        auto device = std::make_unique<devices::BlockDevice>(facts, devices::BlockRates{},
                                                             std::make_unique<test::MemoryStorage>(bytes), spin_facts);
        record = guest.attach("vda", std::move(device), handed_over, abi::virtio::block_driver_features & features);
        driver = std::make_unique<VirtioBlock>(VirtioTransport(record), 0);
        disk_of_transfers = driver.get();
        REQUIRE(driver->start().ok());
    }

    bool finish(const Request& request) const {
        for (int i = 0; i < 5000 && !request.is_done; ++i) {
            driver->reap();
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
        return request.is_done;
    }

    // In pieces of `piece_bytes`, each in a frame of its own.
    std::optional<Errno> transfer(Operation operation, std::uint64_t offset, std::string& data,
                                  std::size_t piece_bytes) {
        std::vector<block::Piece> pieces;
        std::vector<std::byte*> memory;
        for (std::size_t at = 0; at < data.size(); at += piece_bytes) {
            const std::size_t size = std::min(piece_bytes, data.size() - at);
            memory.push_back(static_cast<std::byte*>(heap::allocate(abi::page_size)));
            std::memcpy(memory.back(), data.data() + at, size);
            pieces.push_back({memory::gpa_of(memory.back()), size});
        }
        Request request;
        request.operation = operation;
        request.offset = offset;
        request.size_bytes = data.size();
        request.pieces = pieces;
        driver->submit(request);
        REQUIRE(finish(request));
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            std::memcpy(data.data() + i * piece_bytes, memory[i], pieces[i].size_bytes);
            heap::release(memory[i], abi::page_size);
        }
        return request.error;
    }

    std::optional<Errno> in_range(Operation operation, std::uint64_t offset, std::uint64_t size_bytes) const {
        Request request;
        request.operation = operation;
        request.offset = offset;
        request.size_bytes = size_bytes;
        driver->submit(request);
        REQUIRE(finish(request));
        return request.error;
    }

    test::MemoryDisk bytes{disk_bytes};
    event::SpinFacts spin_facts;
    test::Surroundings guest;
    abi::DeviceRecord record{};
    std::unique_ptr<VirtioBlock> driver;
};

std::string text_of(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + size);
    return text;
}

}  // namespace

// The wait of a thread, of which there is one here.
namespace husk::block {
Result<> transfer(BlockDevice& device, Operation operation, std::uint64_t offset, std::span<const Piece> pieces) {
    Request request;
    request.operation = operation;
    request.offset = offset;
    request.pieces = pieces;
    for (const Piece& piece : pieces) request.size_bytes += piece.size_bytes;
    device.submit(request);
    while (!request.is_done) disk_of_transfers->reap();
    return request.error ? *request.error : Result<>();
}
}  // namespace husk::block

TEST_CASE("the driver learns what the device says of itself") {
    for (const bool handed_over : {true, false}) {
        devices::BlockFacts facts;
        facts.block_bytes = 1024;
        facts.physical_block_bytes = 4096;
        facts.queue_count = 2;
        facts.serial = "a serial";
        const Machine machine(handed_over, facts);
        CHECK(machine.driver->size_bytes() == disk_bytes);
        CHECK(machine.driver->logical_block_bytes() == 1024);
        CHECK(machine.driver->physical_block_bytes() == 4096);
        CHECK(machine.driver->has_write_cache());
        CHECK_FALSE(machine.driver->is_read_only());
        CHECK(machine.driver->max_discard_bytes() >= disk_bytes);
        CHECK(machine.driver->max_write_zeroes_bytes() >= disk_bytes);
        char serial[20];
        const auto size = machine.driver->read_serial(serial);
        REQUIRE(size.ok());
        CHECK(std::string(serial, size.value()) == "a serial");
    }
}

TEST_CASE("bytes go and come in pieces of every size, in one chain and in many") {
    constexpr std::uint64_t every_feature = ~std::uint64_t{0};
    for (const std::uint64_t features : {every_feature, ~abi::virtio::feature::indirect_desc}) {
        Machine machine(true, {}, features);
        for (const std::size_t size : {512u, 4096u, 200u * 512u}) {
            for (const std::size_t piece : {512u, 4096u}) {
                std::string data = text_of(size), back(size, ' ');
                CHECK_FALSE(machine.transfer(Operation::write, 8192, data, piece));
                CHECK(machine.bytes.bytes.substr(8192, size) == data);
                CHECK_FALSE(machine.transfer(Operation::read, 8192, back, piece));
                CHECK(back == data);
            }
        }
        CHECK(machine.guest.host.fault.empty());
        CHECK_FALSE(machine.driver->is_busy());
    }
}

TEST_CASE("ranges are discarded and filled with zeroes, and a flush reaches the disk") {
    const Machine machine(true);
    CHECK_FALSE(machine.in_range(Operation::discard, 4096, 8192));
    CHECK(machine.bytes.bytes.substr(4095, 8194) == "." + std::string(8192, 'd') + ".");
    CHECK_FALSE(machine.in_range(Operation::write_zeroes, 4096, 4096));
    CHECK(machine.bytes.bytes[4096] != 'd');
    CHECK_FALSE(machine.in_range(Operation::flush, 0, 0));
    CHECK(machine.bytes.flushes == 1);
}

TEST_CASE("an error of the disk's is one of the request") {
    Machine machine(true);
    machine.bytes.error = EIO;
    std::string data(400 * 512, 'x');  // of which not all is sent when the first part fails
    CHECK(machine.transfer(Operation::write, 0, data, 512) == Errno::eio);
    machine.bytes.error = 0;
    CHECK_FALSE(machine.transfer(Operation::write, 0, data, 512));
}

TEST_CASE("a device that answers what it was not asked is the end") {
    namespace layout = abi::virtio::queue_layout;
    Machine machine(true);
    const std::uint64_t used = machine.record.queues + layout::used_offset(machine.record.queue_size);
    const abi::virtio::UsedElement element{7, 0};
    std::memcpy(machine.guest.memory.try_span({used + 4}, sizeof element).data(), &element, sizeof element);
    machine.guest.memory.try_span({used + 2}, 2).front() = std::byte{1};
    CHECK_THROWS_WITH_AS(machine.driver->reap(), "a disk's device answered what it was not asked", std::logic_error);
}
