// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/block/buffer_cache.hpp"

#include <cstring>
#include <string_view>

#include <doctest/doctest.h>

#include "guest-runtime/base/crc32c.hpp"
#include "tests/support/guest_fakes/memory_block_device.hpp"

using namespace husk;
using block::BufferCache;
using block::BufferRef;
using test::MemoryBlockDevice;

namespace {

constexpr std::uint64_t blocks = 256;

struct Cached {
    explicit Cached(std::size_t max_buffers) : device(blocks * 1024) {
        for (std::size_t i = 0; i < blocks; ++i) device.contents()[i * 1024] = static_cast<std::byte>(i);
        auto made = BufferCache::create(device, 1024, max_buffers);
        REQUIRE(made.ok());
        cache = std::move(made).value();
    }
    MemoryBlockDevice device;
    RefPtr<BufferCache> cache;
};

}  // namespace

TEST_CASE("a block is read once while it is cached, and again when it had to go") {
    Cached cached(16);
    for (int round = 0; round < 3; ++round) {
        for (std::uint64_t block = 0; block < 16; ++block) {
            auto buffer = cached.cache->get(block);
            REQUIRE(buffer.ok());
            CHECK(buffer.value()->bytes()[0] == static_cast<std::byte>(block));
            buffer.value()->set_verified();
        }
    }
    CHECK(cached.device.reads == 16);
    for (std::uint64_t block = 16; block < blocks; ++block) REQUIRE(cached.cache->get(block).ok());
    CHECK_FALSE(cached.cache->get(0).value()->is_verified());
    CHECK(cached.device.reads == blocks + 1);
}

TEST_CASE("a buffer in use stays, however many others come") {
    Cached cached(16);
    BufferRef used = cached.cache->get(3).value();
    used->bytes()[0] = std::byte{0xee};
    for (std::uint64_t block = 4; block < blocks; ++block) REQUIRE(cached.cache->get(block).ok());
    CHECK(cached.cache->get(3).value()->bytes()[0] == std::byte{0xee});
}

TEST_CASE("a block that cannot be read is EIO, and is read when the disk can again") {
    Cached cached(16);
    cached.device.fail = [](const block::BlockRequest&) { return std::optional(Errno::eio); };
    CHECK(cached.cache->get(5).error() == Errno::eio);
    CHECK(cached.cache->fresh(6).ok());
    CHECK(cached.cache->get(6).ok());
    cached.device.fail = nullptr;
    CHECK(cached.cache->get(5).value()->bytes()[0] == std::byte{5});
    CHECK(cached.cache->get(blocks).error() == Errno::eio);
    CHECK(cached.cache->fresh(blocks).error() == Errno::eio);
}

TEST_CASE("a fresh block is zero and not verified, whatever the disk and the cache held") {
    Cached cached(16);
    cached.cache->get(7).value()->set_verified();
    BufferRef fresh = cached.cache->fresh(7).value();
    CHECK(fresh->bytes()[0] == std::byte{0});
    CHECK_FALSE(fresh->is_verified());
    fresh->bytes()[0] = std::byte{0x77};
    REQUIRE(cached.cache->write(*fresh).ok());
    CHECK(cached.device.contents()[7 * 1024] == std::byte{0x77});
}

TEST_CASE("what nobody uses is read again after the device was written past the cache") {
    Cached cached(16);
    BufferRef used = cached.cache->get(1).value();
    REQUIRE(cached.cache->get(2).ok());
    cached.device.contents()[1024] = cached.device.contents()[2048] = std::byte{0xaa};
    cached.cache->drop_unused();
    CHECK(cached.cache->get(1).value()->bytes()[0] == std::byte{1});
    CHECK(cached.cache->get(2).value()->bytes()[0] == std::byte{0xaa});
}

TEST_CASE("CRC-32C is that of RFC 3720, in one piece or in several") {
    std::string_view digits = "123456789";
    auto bytes = std::as_bytes(std::span(digits));
    CHECK(~crc32c(crc32c_start, bytes) == 0xe3069283);
    CHECK(crc32c(crc32c(crc32c_start, bytes.first(4)), bytes.subspan(4)) == crc32c(crc32c_start, bytes));
    std::byte zeros[32] = {};
    CHECK(~crc32c(crc32c_start, zeros) == 0x8a9136aa);  // [rfc3720 B.4]
}
