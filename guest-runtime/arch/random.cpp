// SPDX-License-Identifier: Apache-2.0
// ChaCha20 as a random generator with fast key erasure: every request ends by replacing the key from its own output.
#include "guest-runtime/base/random.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/base/random_seed.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/base/string.hpp"

namespace husk {

namespace {

using Key = std::array<std::uint32_t, 8>;
using Block = std::array<std::uint32_t, 16>;

constinit Spinlock lock;
constinit Key key{};

void quarter_round(Block& b, int i, int j, int k, int l) {
    auto mix = [](std::uint32_t& x, std::uint32_t y, std::uint32_t& z, int turn) {
        x += y, z = std::rotl(z ^ x, turn);
    };
    mix(b[static_cast<std::size_t>(i)], b[static_cast<std::size_t>(j)], b[static_cast<std::size_t>(l)], 16);
    mix(b[static_cast<std::size_t>(k)], b[static_cast<std::size_t>(l)], b[static_cast<std::size_t>(j)], 12);
    mix(b[static_cast<std::size_t>(i)], b[static_cast<std::size_t>(j)], b[static_cast<std::size_t>(l)], 8);
    mix(b[static_cast<std::size_t>(k)], b[static_cast<std::size_t>(l)], b[static_cast<std::size_t>(j)], 7);
}

// The block function of RFC 8439, section 2.3, with a zero nonce: each key is used for one request only.
Block block_of(const Key& with, std::uint32_t counter) {
    Block start{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    std::copy(with.begin(), with.end(), start.begin() + 4);
    start[12] = counter;
    Block b = start;
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 4; ++i) quarter_round(b, i, 4 + i, 8 + i, 12 + i);
        for (int i = 0; i < 4; ++i) quarter_round(b, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (std::size_t i = 0; i < b.size(); ++i) b[i] += start[i];
    return b;
}

Key next_key(const Key& from) {
    Block block = block_of(from, 0);
    Key next;
    std::copy_n(block.begin(), next.size(), next.begin());
    return next;
}

}  // namespace

void seed_random(std::span<const std::uint8_t, 32> seed, bool has_random_instruction) {
    Guard guard(lock);
    for (std::size_t i = 0; i < key.size(); ++i) {
        std::uint32_t word;
        memcpy(&word, seed.data() + 4 * i, sizeof word);
        std::uint64_t hardware = arch::read_tsc();
        if (has_random_instruction) (void)arch::read_random(hardware);
        key[i] ^= word ^ static_cast<std::uint32_t>(hardware ^ hardware >> 32);
    }
    key = next_key(key);
}

void fill_random(std::span<std::byte> to) {
    Key request;
    {
        Guard guard(lock);
        request = key;
        key = next_key(key);
    }
    // Block 0 became the next key; the output begins at block 1.
    for (std::uint32_t counter = 1; !to.empty(); ++counter) {
        Block block = block_of(request, counter);
        std::size_t step = std::min(to.size(), sizeof block);
        memcpy(to.data(), block.data(), step);
        to = to.subspan(step);
    }
}

}  // namespace husk
