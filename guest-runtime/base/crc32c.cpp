// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/crc32c.hpp"

#include <array>
#include <atomic>

#include "guest-runtime/base/spinlock.hpp"

namespace husk {

namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // 0x1edc6f41, bits reversed

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: what byte b does to the state once k more bytes have followed it. Made when first used: an image
// without an ext4 need not carry them.
constinit Tables tables{};
constinit std::atomic<bool> is_made = false;
constinit Spinlock making;

[[gnu::cold, gnu::noinline]] void make_tables() {
    Guard guard(making);
    if (is_made.load(std::memory_order_relaxed)) return;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t state = byte;
        for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? polynomial : 0);
        tables[0][byte] = state;
    }
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        for (std::size_t k = 1; k < tables.size(); ++k) {
            std::uint32_t before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
    is_made.store(true, std::memory_order_release);
}

std::uint32_t load(const std::byte* from) {
    std::uint32_t word = 0;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}

}  // namespace

std::uint32_t crc32c(std::uint32_t state, std::span<const std::byte> bytes) {
    if (!is_made.load(std::memory_order_acquire)) make_tables();
    const std::byte* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; left -= 8, at += 8) {
        std::uint32_t low = load(at) ^ state, high = load(at + 4);
        state = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff] ^
                tables[4][low >> 24] ^ tables[3][high & 0xff] ^ tables[2][high >> 8 & 0xff] ^
                tables[1][high >> 16 & 0xff] ^ tables[0][high >> 24];
    }
    for (; left != 0; --left, ++at) {
        state = (state >> 8) ^ tables[0][(state ^ static_cast<std::uint32_t>(*at)) & 0xff];
    }
    return state;
}

}  // namespace husk
