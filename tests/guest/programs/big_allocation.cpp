// SPDX-License-Identifier: Apache-2.0
// A 64 MiB allocation fits under --memory 128M, again and again: freed memory is used again.
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

int main() {
    constexpr std::size_t words = (std::size_t{64} << 20) / sizeof(std::uint64_t);
    for (int round = 0; round < 5; ++round) {
        const auto block = std::make_unique<std::uint64_t[]>(words);
        check(block[0] == 0 && block[words - 1] == 0 && block[words / 2] == 0);
        for (std::size_t i = 0; i < words; i += 512) block[i] = i;
        for (std::size_t i = 0; i < words; i += 512) check(block[i] == i);
    }
    passed("64 MiB, five times");
}
