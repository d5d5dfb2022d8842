// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/directory_hash.hpp"

#include <algorithm>
#include <bit>
#include <span>

namespace husk::fs::ext4 {

namespace {

constexpr std::uint32_t character(char c, bool is_unsigned) {
    return is_unsigned ? std::uint32_t{static_cast<unsigned char>(c)}
                       : static_cast<std::uint32_t>(static_cast<signed char>(c));
}

std::uint32_t legacy_hash(std::string_view name, bool is_unsigned) {
    std::uint32_t older = 0x37abe8f9;
    std::uint32_t newer = 0x12a3fe2d;
    for (char c : name) {
        std::uint32_t next = older + (newer ^ (character(c, is_unsigned) * 7152373u));
        if ((next & 0x80000000u) != 0) next -= 0x7fffffff;
        older = newer;
        newer = next;
    }
    return newer << 1;
}

// Fills words with the beginning of the name, padded with its length.
void fill_words(std::string_view name, std::span<std::uint32_t> words, bool is_unsigned) {
    auto length = static_cast<std::uint32_t>(name.size());
    std::uint32_t padding = length | length << 8;
    padding |= padding << 16;
    std::uint32_t word = padding;
    std::size_t filled = 0;
    name = name.substr(0, words.size() * 4);
    for (std::size_t i = 0; i < name.size(); ++i) {
        word = character(name[i], is_unsigned) + (word << 8);
        if (i % 4 == 3) {
            words[filled++] = word;
            word = padding;
        }
    }
    if (filled < words.size()) words[filled++] = word;
    while (filled < words.size()) words[filled++] = padding;
}

using State = std::array<std::uint32_t, 4>;

void half_md4(State& state, std::span<const std::uint32_t> in) {
    std::uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    auto choose = [](std::uint32_t x, std::uint32_t y, std::uint32_t z) { return z ^ (x & (y ^ z)); };
    auto majority = [](std::uint32_t x, std::uint32_t y, std::uint32_t z) { return (x & y) + ((x ^ y) & z); };
    auto parity = [](std::uint32_t x, std::uint32_t y, std::uint32_t z) { return x ^ y ^ z; };
    // Eight steps of one round: the words in `order`, the four rotations in turn.
    auto round = [&](auto mix, std::uint32_t constant, std::array<std::uint8_t, 8> order, std::array<int, 4> turns) {
        for (std::size_t i = 0; i < order.size(); i += 4) {
            a = std::rotl(a + mix(b, c, d) + in[order[i]] + constant, turns[0]);
            d = std::rotl(d + mix(a, b, c) + in[order[i + 1]] + constant, turns[1]);
            c = std::rotl(c + mix(d, a, b) + in[order[i + 2]] + constant, turns[2]);
            b = std::rotl(b + mix(c, d, a) + in[order[i + 3]] + constant, turns[3]);
        }
    };
    round(choose, 0, {0, 1, 2, 3, 4, 5, 6, 7}, {3, 7, 11, 19});
    round(majority, 0x5a827999, {1, 3, 5, 7, 0, 2, 4, 6}, {3, 5, 9, 13});
    round(parity, 0x6ed9eba1, {3, 7, 2, 6, 1, 5, 0, 4}, {3, 9, 11, 15});
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
}

void tea(State& state, std::span<const std::uint32_t> in) {
    constexpr std::uint32_t delta = 0x9e3779b9;
    std::uint32_t sum = 0;
    std::uint32_t left = state[0];
    std::uint32_t right = state[1];
    for (int i = 0; i < 16; ++i) {
        sum += delta;
        left += ((right << 4) + in[0]) ^ (right + sum) ^ ((right >> 5) + in[1]);
        right += ((left << 4) + in[2]) ^ (left + sum) ^ ((left >> 5) + in[3]);
    }
    state[0] += left;
    state[1] += right;
}

template <std::size_t words, class Transform>
void digest(State& state, std::string_view name, bool is_unsigned, Transform transform) {
    for (; !name.empty(); name.remove_prefix(std::min(name.size(), words * 4))) {
        std::array<std::uint32_t, words> in;
        fill_words(name, in, is_unsigned);
        transform(state, in);
    }
}

NameHash usable(std::uint32_t major, std::uint32_t minor) {
    constexpr std::uint32_t end_of_directory = 0x7fffffffu << 1;
    major &= ~1u;
    return {major == end_of_directory ? end_of_directory - 2 : major, minor};
}

}  // namespace

std::optional<NameHash> hash_name(std::string_view name, std::uint8_t version, const Superblock& superblock) {
    constexpr State start = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    bool is_unsigned = version >= 3;
    State state = superblock.hash_seed == State{} ? start : superblock.hash_seed;
    switch (version % 3) {
        case 0:
            return version < 6 ? std::optional(usable(legacy_hash(name, is_unsigned), 0)) : std::nullopt;
        case 1:
            if (version > 4) return {};
            digest<8>(state, name, is_unsigned, half_md4);
            return usable(state[1], state[2]);
        default:
            if (version > 5) return {};
            digest<4>(state, name, is_unsigned, tea);
            return usable(state[0], state[1]);
    }
}

}  // namespace husk::fs::ext4
