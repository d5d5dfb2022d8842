// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/byte_ring.hpp"

#include <array>
#include <cstdint>
#include <thread>

#include <doctest/doctest.h>

using husk::ByteRing;

TEST_CASE("bytes come out in order, across the ring's end") {
    ByteRing<8> ring;
    std::uint8_t next_in = 0, next_out = 0;
    std::array<std::byte, 5> piece;
    for (int round = 0; round < 100; ++round) {
        while (!ring.is_full()) ring.put(std::byte{next_in++});
        std::size_t count = ring.take(piece);
        CHECK(count == piece.size());
        for (std::size_t i = 0; i < count; ++i) CHECK(piece[i] == std::byte{next_out++});
    }
    CHECK(ring.take(piece) == 3);
    CHECK(ring.is_empty());
    CHECK(ring.take(piece) == 0);
}

TEST_CASE("one thread puts what another takes") {
    static ByteRing<64> ring;
    constexpr std::uint32_t total = 200'000;
    std::thread writer([] {
        for (std::uint32_t i = 0; i < total; ++i) {
            while (ring.is_full()) std::this_thread::yield();
            ring.put(std::byte{static_cast<std::uint8_t>(i)});
        }
    });
    std::uint32_t taken = 0;
    bool in_order = true;
    while (taken < total) {
        std::array<std::byte, 17> piece;
        std::size_t count = ring.take(piece);
        for (std::size_t i = 0; i < count; ++i) in_order &= piece[i] == std::byte{static_cast<std::uint8_t>(taken++)};
        if (count == 0) std::this_thread::yield();
    }
    writer.join();
    CHECK(in_order);
}
