// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/page_barrier.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/memory/frames.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/support/guest_fakes/memory_block_device.hpp"
#include "tests/unit/guest/fs/test_file.hpp"

using namespace husk;
using abi::page_size;
using test::make_file;
using test::MemoryBlockDevice;
using test::read;
using test::TestFile;
using test::write;

namespace {

MemoryBlockDevice* acting_device = nullptr;
TestFile* acting_file = nullptr;

// A barrier in place, with blocks that go once somebody waits for it.
struct Punching {
    Punching(TestFile& file, std::uint64_t begin, std::uint64_t end) : begin(begin), end(end), file(file) {
        barrier.emplace(file.cache);
        REQUIRE(file.cache.drop_range(begin, end, *barrier).ok());
        under_way = this;
        test::on_next_sleep([] { under_way->finish(); });
    }
    void finish() {
        writes_before = acting_device->writes;
        file.free_blocks(begin, end);
        barrier.reset();
    }

    std::uint64_t begin, end;
    TestFile& file;
    std::optional<fs::PageBarrier> barrier;
    std::optional<std::uint64_t> writes_before;
    static inline Punching* under_way = nullptr;
};

}  // namespace

TEST_CASE("a page whose blocks are being freed is neither read from them nor written to them") {
    MemoryBlockDevice device(8 << 20);
    acting_device = &device;
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(2 * page_size, std::byte{1}));
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());

    SUBCASE("a reader") {
        Punching punching(*file, 0, page_size);
        auto bytes = read(*file, 0, page_size + 1);
        CHECK(punching.writes_before);
        CHECK(bytes[0] == std::byte{0});
        CHECK(bytes[page_size] == std::byte{1});
    }
    SUBCASE("a mapping, whose page gets blocks anew") {
        Punching punching(*file, 0, page_size);
        auto frame = file->cache.page_for_mapping(0, true);
        REQUIRE(frame.ok());
        CHECK(punching.writes_before);
        auto* bytes = memory::frame_pointer<std::byte>(frame.value());
        CHECK(bytes[0] == std::byte{0});
        bytes[0] = std::byte{2};
        memory::release_frames(frame.value(), 0);
        REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
        CHECK(file->on_disk()[0] == std::byte{2});
    }
}

TEST_CASE("a page that is cut off while a mapping asks for it does not come back") {
    MemoryBlockDevice device(8 << 20);
    acting_device = &device;
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(2 * page_size, std::byte{1}));
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    file->cache.drop_clean(0, UINT64_MAX);
    acting_file = file.get();
    SUBCASE("before it is read") {
        Punching cutting(*file, page_size, 2 * page_size);
        file->size = page_size;
        CHECK(file->cache.page_for_mapping(1, true).error() == Errno::enxio);
        CHECK(cutting.writes_before);
    }
    SUBCASE("after it was read") {
        device.hold = true;
        test::on_next_sleep([] {
            acting_device->hold = false;
            acting_device->answer_all();
            acting_file->size = page_size;
            fs::PageBarrier barrier(acting_file->cache);
            CHECK(acting_file->cache.resize(page_size, barrier).ok());
            acting_file->free_blocks(page_size, UINT64_MAX);
        });
        CHECK(file->cache.page_for_mapping(1, true).error() == Errno::enxio);
        // Read anew it is empty, and goes nowhere.
        std::uint64_t writes = device.writes;
        REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
        CHECK(device.writes == writes);
    }
}

TEST_CASE("a page that stays is not written while some of its blocks are being freed") {
    MemoryBlockDevice device(8 << 20);
    acting_device = &device;
    RefPtr<TestFile> file = make_file(device, 1024);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{1}));
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    std::uint64_t writes = device.writes;
    Punching punching(*file, 1000, 3000);  // the second block, and parts of two
    REQUIRE(file->cache.is_dirty());
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK(punching.writes_before == writes);
    CHECK(device.writes > writes);
    auto bytes = file->on_disk();
    CHECK(std::count(bytes.begin(), bytes.end(), std::byte{0}) == 2000);
}
