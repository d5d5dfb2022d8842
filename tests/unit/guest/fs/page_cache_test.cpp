// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/page_cache.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/fs/page_barrier.hpp"
#include "guest-runtime/fs/page_cache_list.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/reclaim.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/support/guest_fakes/memory_block_device.hpp"
#include "tests/unit/guest/fs/test_file.hpp"

using namespace husk;
using abi::page_size;
using test::make_file;
using test::MemoryBlockDevice;
using test::random_bytes;
using test::read;
using test::TestFile;
using test::write;

namespace {

void run_model(std::uint32_t block_bytes, unsigned seed, int steps) {
    CAPTURE(block_bytes);
    CAPTURE(seed);
    std::uint64_t frames_before = test::frames_in_use();
    std::mt19937_64 random(seed);
    MemoryBlockDevice device(32 << 20);
    RefPtr<TestFile> file = make_file(device, block_bytes, seed);
    std::vector<std::byte> model;
    for (int step = 0; step < steps; ++step) {
        CAPTURE(step);
        std::uint64_t most = 300 << 10;
        std::uint64_t offset = random() % most;
        std::uint64_t size = 1 + random() % (random() % 4 == 0 ? 40000 : 3000);
        if (random() % 3 == 0) offset = abi::align_down(offset, page_size);
        switch (random() % 10) {
            default: {
                auto bytes = random_bytes(random, size);
                write(*file, offset, bytes);
                if (model.size() < offset + size) model.resize(offset + size);
                std::copy(bytes.begin(), bytes.end(), model.begin() + static_cast<std::ptrdiff_t>(offset));
                break;
            }
            case 3:
            case 4:
            case 5: {
                if (offset >= model.size()) break;
                size = std::min<std::uint64_t>(size, model.size() - offset);
                auto bytes = read(*file, offset, size);
                REQUIRE(std::memcmp(bytes.data(), model.data() + offset, size) == 0);
                break;
            }
            case 6:
                REQUIRE(file->cache.write_back(offset, offset + size).ok());
                if (random() % 2 == 0) file->cache.drop_clean(0, UINT64_MAX);
                break;
            case 7: {
                std::uint64_t shorter = model.empty() ? 0 : random() % (model.size() + 1);
                if (random() % 3 != 0) break;
                file->size = shorter;
                fs::PageBarrier barrier(file->cache);
                REQUIRE(file->cache.resize(shorter, barrier).ok());
                file->free_blocks(shorter, UINT64_MAX);
                model.resize(shorter);
                break;
            }
            case 8: {
                std::uint64_t end = offset + size;
                fs::PageBarrier barrier(file->cache);
                REQUIRE(file->cache.drop_range(offset, end, barrier).ok());
                file->free_blocks(offset, end);
                for (std::uint64_t at = offset; at < std::min<std::uint64_t>(end, model.size()); ++at) {
                    model[at] = std::byte{0};
                }
                break;
            }
            case 9:
                (void)fs::page_caches().shrink(random() % 20);
                break;
        }
    }
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK_FALSE(file->cache.is_dirty());
    CHECK(file->on_disk() == model);
    CHECK(fs::page_caches().dirty_pages.load() == 0);
    file->cache.drop_clean(0, UINT64_MAX);
    CHECK(file->cache.page_count() == 0);
    if (!model.empty()) CHECK(read(*file, 0, model.size()) == model);
    file = {};
    CHECK(fs::page_caches().pages.load() == 0);
    CHECK(test::frames_in_use() == frames_before);
}

TestFile* acting_file = nullptr;
MemoryBlockDevice* acting_device = nullptr;

}  // namespace

TEST_CASE("a page cache agrees with a model under random operations, whatever the block size") {
    for (std::uint32_t block_bytes : {512u, 1024u, 2048u, 4096u}) {
        for (unsigned seed = 1; seed <= 3; ++seed) run_model(block_bytes, seed, 600);
    }
}

TEST_CASE("sequential reads become few requests, random ones stay single pages") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    std::mt19937_64 random(5);
    auto bytes = random_bytes(random, 2 << 20);
    write(*file, 0, bytes);
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    file->cache.drop_clean(0, UINT64_MAX);
    device.reads = 0;
    for (std::uint64_t at = 0; at < bytes.size(); at += page_size) {
        auto part = read(*file, at, page_size);
        REQUIRE(std::memcmp(part.data(), bytes.data() + at, page_size) == 0);
    }
    // The test's blocks come in runs of about four pages.
    CHECK(device.reads < 512 / 2);
    file->cache.drop_clean(0, UINT64_MAX);
    device.reads = 0;
    for (std::uint64_t page : {400u, 7u, 200u, 90u, 300u}) (void)read(*file, page * page_size, 10);
    CHECK(file->cache.page_count() == 5);
    CHECK(device.reads == 5);
}

TEST_CASE("one large read asks for all its pages at once") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    std::vector<std::byte> bytes(64 * page_size, std::byte{9});
    write(*file, 0, bytes);
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    file->cache.drop_clean(0, UINT64_MAX);
    device.hold = true;
    file->cache.about_to_read(10 * page_size, 50 * page_size);
    std::uint64_t asked = 0;
    for (std::size_t i = 0; i < device.waiting(); ++i) asked += device.waiting_at(i).size_bytes;
    CHECK(asked >= 40 * page_size);
    device.answer_all();
    CHECK(file->cache.is_resident(49));
}

TEST_CASE("a page being read is waited for, not read twice") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(8 * page_size, std::byte{7}));
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    file->cache.drop_clean(0, UINT64_MAX);
    device.hold = true;
    device.reads = 0;
    acting_device = &device;
    file->cache.about_to_read(0, 2 * page_size);
    std::size_t asked = device.waiting();
    test::on_next_sleep([] { acting_device->answer_all(); });
    auto frame = file->cache.page_for_read(1);
    REQUIRE(frame.ok());
    CHECK(memory::frame_pointer<std::byte>(frame.value())[5] == std::byte{7});
    memory::release_frames(frame.value(), 0);
    CHECK(device.reads == asked);
}

TEST_CASE("a read error reaches who reads that page, and only him; later it may work") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(8 * page_size, std::byte{7}));
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    file->cache.drop_clean(0, UINT64_MAX);
    auto bad = file->find(3 * page_size, page_size);
    std::uint64_t bad_offset = *bad.value().device_offset;
    device.fail = [&](const block::BlockRequest& request) {
        bool hits = request.offset <= bad_offset && bad_offset < request.offset + request.size_bytes;
        return hits ? std::optional(Errno::eio) : std::nullopt;
    };
    for (std::uint64_t page = 0; page < 8; ++page) {
        auto frame = file->cache.page_for_read(page);
        CHECK(frame.ok() == (page != 3));
        if (frame.ok()) memory::release_frames(frame.value(), 0);
    }
    device.fail = nullptr;
    CHECK(read(*file, 3 * page_size, 1)[0] == std::byte{7});
}

TEST_CASE("a write error is told once by the next write-back that waits") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{7}));
    device.fail = [](const block::BlockRequest&) { return std::optional(Errno::eio); };
    CHECK(file->cache.write_some(100));
    device.fail = nullptr;
    CHECK(file->cache.write_back(0, UINT64_MAX).error() == Errno::eio);
    CHECK(file->cache.write_back(0, UINT64_MAX).ok());
}

TEST_CASE("what is written while a page is on its way to the disk is written again") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{1}));
    device.hold = true;
    acting_device = &device;
    acting_file = file.get();
    test::on_next_sleep([] {
        acting_device->hold = false;
        write(*acting_file, 0, std::vector<std::byte>(10, std::byte{2}));
        acting_device->answer_all();
    });
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK(file->cache.is_dirty());
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK_FALSE(file->cache.is_dirty());
    CHECK(file->on_disk()[9] == std::byte{2});
    CHECK(file->on_disk()[10] == std::byte{1});
}

TEST_CASE("what is cut off or punched while its page is first written stays zero once the page is read again") {
    for (bool cuts : {false, true}) {
        CAPTURE(cuts);
        MemoryBlockDevice device(8 << 20);
        RefPtr<TestFile> file = make_file(device, 4096);
        write(*file, 0, std::vector<std::byte>(3000, std::byte{1}));
        device.hold = true;
        acting_device = &device;
        acting_file = file.get();
        auto* punch = +[] {
            acting_device->answer_one();  // the disk has the old bytes; nobody has noted that yet
            fs::PageBarrier barrier(acting_file->cache);
            CHECK(acting_file->cache.drop_range(1000, 3000, barrier).ok());
        };
        auto* cut = +[] {
            acting_device->answer_one();
            acting_file->size = 1000;
            fs::PageBarrier barrier(acting_file->cache);
            CHECK(acting_file->cache.resize(1000, barrier).ok());
        };
        test::on_next_sleep(cuts ? cut : punch);
        REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
        device.hold = false;
        REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
        file->cache.drop_clean(0, UINT64_MAX);
        REQUIRE(file->cache.page_count() == 0);
        file->size = 3000;
        auto bytes = read(*file, 0, 3000);
        CHECK(bytes[999] == std::byte{1});
        CHECK(std::count(bytes.begin() + 1000, bytes.end(), std::byte{0}) == 2000);
    }
}

TEST_CASE("a write that began before a write-back and ends after it stays dirty") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    file->size = page_size;
    REQUIRE(file->reserve(0, page_size).ok());
    auto frame = file->cache.page_for_write(0);
    REQUIRE(frame.ok());
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    memory::frame_pointer<std::byte>(frame.value())[0] = std::byte{4};
    memory::release_frames(frame.value(), 0);
    file->cache.on_written(0, 1);
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK(file->on_disk()[0] == std::byte{4});
}

TEST_CASE("a page that is mapped for writing is written by every write-back until the mapping has gone") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    file->size = page_size;
    auto frame = file->cache.page_for_mapping(0, true);
    REQUIRE(frame.ok());
    auto* bytes = memory::frame_pointer<std::byte>(frame.value());
    for (unsigned value : {1u, 2u, 3u}) {
        bytes[100] = static_cast<std::byte>(value);
        REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
        CHECK(file->on_disk()[100] == static_cast<std::byte>(value));
    }
    CHECK(file->cache.is_dirty());
    memory::release_frames(frame.value(), 0);
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK_FALSE(file->cache.is_dirty());
}

TEST_CASE("a dirty inode lives on without users until it is written, unless it has lost its name") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{1}));
    file = {};
    CHECK(fs::page_caches().dirty_pages.load() == 1);
    REQUIRE(fs::page_caches().write_back_all(nullptr).ok());
    CHECK(fs::page_caches().dirty_pages.load() == 0);
    CHECK(fs::page_caches().pages.load() == 0);
    CHECK(device.writes == 1);

    file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{1}));
    file->cache.orphan(true);
    file = {};
    CHECK(fs::page_caches().dirty_pages.load() == 0);
    CHECK(device.writes == 1);
}

TEST_CASE("pages are written in the background once they have been dirty for five seconds") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(page_size, std::byte{1}));
    test::advance_clock_ns(4'000'000'000);
    fs::page_caches().write_back_old();
    CHECK(file->cache.is_dirty());
    test::advance_clock_ns(1'000'000'000);
    fs::page_caches().write_back_old();
    CHECK_FALSE(file->cache.is_dirty());
}

TEST_CASE("clean pages make room when memory is short") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    write(*file, 0, std::vector<std::byte>(200 * page_size, std::byte{6}));
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    test::limit_free_frames(0);
    std::vector<abi::GuestPhys> frames;
    for (int i = 0; i < 150; ++i) {
        auto frame = memory::allocate_frames(0, memory::Contents::any);
        REQUIRE(frame.ok());
        frames.push_back(frame.value());
    }
    CHECK(file->cache.page_count() <= 50);
    for (abi::GuestPhys frame : frames) memory::release_frames(frame, 0);
    CHECK(read(*file, 199 * page_size, 1)[0] == std::byte{6});
    test::limit_free_frames(UINT64_MAX);
}
