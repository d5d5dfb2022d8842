// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/crc32_be.hpp"

#include <array>

namespace husk::journal {

namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
    constexpr std::uint32_t polynomial = 0x04c11db7;
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t state = byte << 24;
        for (int bit = 0; bit < 8; ++bit) state = (state << 1) ^ ((state >> 31) != 0 ? polynomial : 0);
        table[byte] = state;
    }
    return table;
}

constexpr auto table = make_table();

}  // namespace

std::uint32_t crc32_be(std::uint32_t state, std::span<const std::byte> bytes) {
    for (std::byte byte : bytes) state = (state << 8) ^ table[(state >> 24) ^ static_cast<std::uint32_t>(byte)];
    return state;
}

}  // namespace husk::journal
