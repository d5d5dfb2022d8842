// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/direct_io.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/fs/page_barrier.hpp"
#include "tests/support/guest_fakes/machine.hpp"
#include "tests/unit/guest/fs/test_file.hpp"

using namespace husk;
using test::make_file;
using test::MemoryBlockDevice;
using test::TestFile;

namespace {

// The application's, aligned to pages.
class UserMemory {
public:
    explicit UserMemory(std::size_t size) : size_(size) {
        bytes_ =
            static_cast<std::byte*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
    ~UserMemory() { ::munmap(bytes_, size_); }
    UserMemory(const UserMemory&) = delete;
    UserMemory& operator=(const UserMemory&) = delete;
    std::byte* data() { return bytes_; }
    fs::UserSegment part(std::size_t begin, std::size_t size) {
        return {reinterpret_cast<std::uint64_t>(bytes_) + begin, size};
    }

private:
    std::byte* bytes_;
    std::size_t size_;
};

Result<std::size_t> write_at(TestFile& file, std::uint64_t offset, std::vector<fs::UserSegment> parts) {
    std::uint64_t size = 0;
    for (const fs::UserSegment& part : parts) size += part.size_bytes;
    std::uint64_t block = file.block_bytes();
    (void)file.reserve(abi::align_down(offset, block), abi::align_up(size, block));
    fs::IoBuffer buffer(parts);
    auto ready = fs::prepare_direct_write(file.cache, buffer, offset);
    REQUIRE(ready.ok());
    REQUIRE(ready.value());
    fs::IoBuffer again = buffer;
    auto done = fs::write_directly(file.cache, buffer, offset);
    if (!done.ok()) return done;
    file.size = std::max(file.size, offset + done.value());
    again.limit(done.value());
    REQUIRE(fs::finish_direct_write(file.cache, again, offset).ok());
    return done;
}

Result<std::size_t> read_at(TestFile& file, std::uint64_t offset, std::vector<fs::UserSegment> parts) {
    fs::IoBuffer buffer(parts);
    return fs::read_directly(file.cache, buffer, offset, file.size);
}

std::optional<fs::PageBarrier> barrier;
TestFile* acting_file = nullptr;
MemoryBlockDevice* acting_device = nullptr;

}  // namespace

TEST_CASE("direct and cached transfers of random ranges see each other") {
    std::mt19937_64 random(17);
    for (std::uint32_t block_bytes : {512u, 1024u, 4096u}) {
        CAPTURE(block_bytes);
        MemoryBlockDevice device(32 << 20);
        RefPtr<TestFile> file = make_file(device, block_bytes, 5);
        std::vector<std::byte> model;
        UserMemory memory(1 << 20);
        for (int step = 0; step < 300; ++step) {
            std::uint64_t offset = random() % 600 * block_bytes;
            std::uint64_t first = (1 + random() % 120) * block_bytes, second = random() % 60 * block_bytes;
            std::uint64_t size = first + second;
            std::vector<fs::UserSegment> parts = {memory.part(block_bytes, first), memory.part(640 << 10, second)};
            if (random() % 2 == 0) {
                auto bytes = test::random_bytes(random, size);
                std::memcpy(memory.data() + block_bytes, bytes.data(), first);
                std::memcpy(memory.data() + (640 << 10), bytes.data() + first, second);
                if (model.size() < offset + size) model.resize(offset + size);
                if (random() % 2 == 0) {
                    auto done = write_at(*file, offset, parts);
                    REQUIRE(done.ok());
                    REQUIRE(done.value() == size);
                } else {
                    test::write(*file, offset, bytes);
                }
                std::copy(bytes.begin(), bytes.end(), model.begin() + static_cast<std::ptrdiff_t>(offset));
            } else if (offset < model.size()) {
                auto done = read_at(*file, offset, parts);
                REQUIRE(done.ok());
                REQUIRE(done.value() == std::min<std::uint64_t>(size, model.size() - offset));
                std::uint64_t in_first = std::min<std::uint64_t>(first, done.value());
                REQUIRE(std::memcmp(memory.data() + block_bytes, model.data() + offset, in_first) == 0);
                REQUIRE(std::memcmp(memory.data() + (640 << 10), model.data() + offset + in_first,
                                    done.value() - in_first) == 0);
            }
        }
        REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
        CHECK(file->on_disk() == model);
    }
}

TEST_CASE("a direct transfer that is not aligned is EINVAL, one without memory EFAULT") {
    MemoryBlockDevice device(1 << 20);
    RefPtr<TestFile> file = make_file(device, 512);
    UserMemory memory(16 << 10);
    REQUIRE(write_at(*file, 0, {memory.part(0, 8192)}).ok());
    CHECK(read_at(*file, 0, {memory.part(1, 512)}).error() == Errno::einval);
    CHECK(read_at(*file, 0, {memory.part(0, 511)}).error() == Errno::einval);
    CHECK(read_at(*file, 1, {memory.part(0, 512)}).error() == Errno::einval);
    CHECK(read_at(*file, 0, {memory.part(0, 512), memory.part(700, 512)}).error() == Errno::einval);
    CHECK(read_at(*file, 8192, {memory.part(0, 512)}).value() == 0);
    test::forbid_user_memory(memory.data() + 4096, memory.data() + 8192);
    CHECK(read_at(*file, 0, {memory.part(4096, 512)}).error() == Errno::efault);
    CHECK(read_at(*file, 0, {memory.part(0, 8192)}).value() == 4096);
    test::forbid_user_memory(nullptr, nullptr);
}

TEST_CASE("a direct write waits for nobody who has mapped a page of the range: it is refused") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    UserMemory memory(64 << 10);
    std::vector parts = {memory.part(0, 64 << 10)};
    REQUIRE(write_at(*file, 0, parts).ok());
    auto is_ready = [&](std::uint64_t offset, std::uint64_t size) {
        std::vector part = {memory.part(0, size)};
        fs::IoBuffer buffer(part);
        auto ready = fs::prepare_direct_write(file->cache, buffer, offset);
        REQUIRE(ready.ok());
        return ready.value();
    };
    auto mapped = file->cache.page_for_mapping(3, true);
    REQUIRE(mapped.ok());
    CHECK_FALSE(is_ready(0, 64 << 10));
    CHECK(is_ready(0, 12 << 10));
    CHECK(is_ready(16 << 10, 16 << 10));
    memory::release_frames(mapped.value(), 0);
    REQUIRE(file->cache.write_back(0, UINT64_MAX).ok());
    CHECK(is_ready(0, 64 << 10));
}

TEST_CASE("pages that are being read, or that somebody holds, have a direct write's bytes afterwards") {
    constexpr std::uint64_t size = 8 * abi::page_size;
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096, 3);
    UserMemory memory(size);
    REQUIRE(write_at(*file, 0, {memory.part(0, size)}).ok());
    std::memset(memory.data(), 2, size);
    acting_file = file.get();
    acting_device = &device;
    device.hold = true;
    SUBCASE("being read") {
        test::on_next_sleep([] {
            std::size_t writes = acting_device->waiting();
            acting_file->cache.about_to_read(0, size);
            REQUIRE(acting_device->waiting() > writes + 1);
            while (acting_device->waiting() > writes + 1) acting_device->answer_one(writes);
            while (acting_device->waiting() > 1) acting_device->answer_one();
            test::on_next_sleep([] { acting_device->answer_all(); });
        });
        CHECK(write_at(*file, 0, {memory.part(0, size)}).value() == size);
        device.answer_all();
    }
    SUBCASE("held") {
        static abi::GuestPhys frame;
        test::on_next_sleep([] {
            std::size_t writes = acting_device->waiting();
            acting_file->cache.about_to_read(0, size);
            while (acting_device->waiting() > writes) acting_device->answer_one(writes);
            frame = acting_file->cache.page_for_read(3).value();
            acting_device->answer_all();
        });
        CHECK(write_at(*file, 0, {memory.part(0, size)}).value() == size);
        CHECK(file->cache.page_count() == 1);
        CHECK(*memory::frame_pointer<std::byte>(frame) == std::byte{2});
        memory::release_frames(frame, 0);
    }
    device.hold = false;
    CHECK_FALSE(file->cache.is_dirty());
    std::vector<std::byte> wanted(size, std::byte{2});
    CHECK(file->on_disk() == wanted);
    CHECK(test::read(*file, 0, size) == wanted);
}

TEST_CASE("an error of the disk ends a direct transfer where it happened") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    UserMemory memory(1 << 20);
    REQUIRE(write_at(*file, 0, {memory.part(0, 1 << 20)}).ok());
    device.fail = [](const block::BlockRequest&) { return std::optional(Errno::eio); };
    CHECK(read_at(*file, 0, {memory.part(0, 4096)}).error() == Errno::eio);
}

TEST_CASE("a direct read does not reach blocks that are being freed") {
    MemoryBlockDevice device(8 << 20);
    RefPtr<TestFile> file = make_file(device, 4096);
    UserMemory memory(2 * abi::page_size);
    std::memset(memory.data(), 1, 2 * abi::page_size);
    REQUIRE(write_at(*file, 0, {memory.part(0, 2 * abi::page_size)}).ok());
    barrier.emplace(file->cache);
    REQUIRE(file->cache.drop_range(0, abi::page_size, *barrier).ok());
    acting_file = file.get();
    test::on_next_sleep([] {
        acting_file->free_blocks(0, abi::page_size);
        barrier.reset();
    });
    REQUIRE(read_at(*file, 0, {memory.part(0, 2 * abi::page_size)}).ok());
    CHECK_FALSE(barrier);
    CHECK(memory.data()[0] == std::byte{0});
    CHECK(memory.data()[abi::page_size] == std::byte{1});
}
