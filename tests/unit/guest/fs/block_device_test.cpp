// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/block/block_device.hpp"

#include <cstring>
#include <optional>

#include <doctest/doctest.h>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/heap_array.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/support/guest_fakes/memory_block_device.hpp"

using namespace husk;
using test::MemoryBlockDevice;

namespace {

fs::HeapArray<std::byte> pattern(std::size_t size_bytes, unsigned seed) {
    auto array = fs::HeapArray<std::byte>::create(size_bytes);
    for (std::size_t i = 0; i < size_bytes; ++i) array.value()[i] = static_cast<std::byte>(i * 7 + seed);
    return std::move(array).value();
}

MemoryBlockDevice* held_device = nullptr;

}  // namespace

TEST_CASE("what was written to a block device is read back, and is stable after a flush") {
    MemoryBlockDevice device(64 << 10);
    auto written = pattern(1536, 3);
    REQUIRE(block::write(device, 512, written.span()).ok());
    auto read = pattern(1536, 0);
    REQUIRE(block::read(device, 512, read.span()).ok());
    CHECK(std::memcmp(read.data(), written.data(), 1536) == 0);
    CHECK(device.stable()[512] == std::byte{0});
    CHECK(device.unflushed().size() == 1);
    REQUIRE(block::flush(device).ok());
    CHECK(device.stable()[512] == std::byte{3});
    CHECK(device.unflushed().empty());
}

TEST_CASE("a block device refuses what is misaligned, beyond its end, or forbidden") {
    MemoryBlockDevice device(64 << 10, 4096);
    auto memory = pattern(8192, 0);
    CHECK(block::read(device, 512, memory.span().first(4096)).error() == Errno::einval);
    CHECK(block::read(device, 0, memory.span().first(512)).error() == Errno::einval);
    CHECK(block::read(device, 60 << 10, memory.span()).error() == Errno::einval);
    CHECK(block::read(device, UINT64_MAX & ~4095ull, memory.span()).error() == Errno::einval);
    device.read_only = true;
    CHECK(block::write(device, 0, memory.span()).error() == Errno::erofs);
    CHECK(block::discard(device, 0, 4096).error() == Errno::erofs);
    CHECK(block::flush(device).ok());
}

TEST_CASE("a thread sleeps until its request is answered") {
    MemoryBlockDevice device(64 << 10);
    device.hold = true;
    held_device = &device;
    test::on_next_sleep([] { held_device->answer_all(); });
    auto memory = pattern(512, 1);
    CHECK(block::write(device, 0, memory.span()).ok());
    CHECK(device.contents()[0] == std::byte{1});
}

TEST_CASE("an error of the device reaches whoever asked") {
    MemoryBlockDevice device(64 << 10);
    device.fail = [](const block::BlockRequest& request) {
        return request.offset == 512 ? std::optional(Errno::eio) : std::nullopt;
    };
    auto memory = pattern(512, 1);
    CHECK(block::write(device, 0, memory.span()).ok());
    CHECK(block::write(device, 512, memory.span()).error() == Errno::eio);
}

TEST_CASE("large discards go in steps of what the device takes") {
    MemoryBlockDevice device(1 << 20);
    std::memset(device.contents().data(), 0xff, device.contents().size());
    CHECK(block::discard(device, 4096, 512 << 10).ok());
    CHECK(device.contents()[4095] == std::byte{0xff});
    CHECK(device.contents()[4096] == std::byte{0});
    CHECK(device.contents()[(516 << 10)] == std::byte{0xff});
}
