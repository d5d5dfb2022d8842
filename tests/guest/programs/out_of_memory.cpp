// SPDX-License-Identifier: Apache-2.0
// At the ceiling of memory an allocation fails with bad_alloc; the program lives on and can use what it frees.
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

std::size_t fill_up(std::size_t block_bytes) {
    std::vector<std::unique_ptr<char[]>> blocks;
    blocks.reserve(4096);
    try {
        for (;;) {
            blocks.push_back(std::make_unique_for_overwrite<char[]>(block_bytes));
            std::memset(blocks.back().get(), 0x5a, block_bytes);
        }
    } catch (const std::bad_alloc&) {
    }
    for (const auto& block : blocks) check(block[block_bytes / 2] == 0x5a);
    return blocks.size() * block_bytes / mib;
}

}  // namespace

int main() {
    try {
        (void)::operator new(100'000 * mib);  // called by name: a new-expression might be optimised away
        check(false);
    } catch (const std::bad_alloc&) {
    }
    passed("one allocation beyond memory");

    const std::size_t first = fill_up(4 * mib);
    std::fprintf(stderr, "%zu MiB in blocks of 4 MiB\n", first);
    check(first >= 64 && first < 128);
    passed("large blocks up to the ceiling");
    const std::size_t second = fill_up(4 * mib);
    check(second + 8 >= first);
    passed("again after freeing");
    const std::size_t small = fill_up(mib / 16);
    std::fprintf(stderr, "%zu MiB in blocks of 64 KiB\n", small);
    check(small >= 64 && small < 128);
    passed("small blocks up to the ceiling");
}
