// SPDX-License-Identifier: Apache-2.0
// SipHash-2-4: a short hash that nobody without the key can predict.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace husk::net {

constexpr void siphash_round(std::array<std::uint64_t, 4>& v) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = std::rotl(v[1], 13) ^ v[0];
    v[3] = std::rotl(v[3], 16) ^ v[2];
    v[0] = std::rotl(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = std::rotl(v[1], 17) ^ v[2];
    v[3] = std::rotl(v[3], 21) ^ v[0];
    v[2] = std::rotl(v[2], 32);
}

inline std::uint64_t siphash(const std::array<std::uint64_t, 2>& key, std::span<const std::byte> data) {
    std::array<std::uint64_t, 4> v = {key[0] ^ 0x736f'6d65'7073'6575, key[1] ^ 0x646f'7261'6e64'6f6d,
                                      key[0] ^ 0x6c79'6765'6e65'7261, key[1] ^ 0x7465'6462'7974'6573};
    auto absorb = [&v](std::uint64_t word) {
        v[3] ^= word;
        siphash_round(v);
        siphash_round(v);
        v[0] ^= word;
    };
    std::uint64_t last = std::uint64_t{data.size()} << 56;
    for (; data.size() >= 8; data = data.subspan(8)) {
        std::uint64_t word;
        std::memcpy(&word, data.data(), 8);
        absorb(word);
    }
    std::uint64_t rest = 0;
    std::memcpy(&rest, data.data(), data.size());
    absorb(last | rest);
    v[2] ^= 0xff;
    for (int i = 0; i < 4; ++i) siphash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

}  // namespace husk::net
