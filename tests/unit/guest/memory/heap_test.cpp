// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/heap.hpp"

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/memory/frames.hpp"
#include "tests/unit/guest/memory/fake_machine.hpp"

namespace husk {

namespace {

struct Block {
    std::uint8_t* data;
    std::size_t size;
    std::uint8_t mark;
};

bool is_intact(const Block& block) {
    for (std::size_t i = 0; i < block.size; ++i) {
        if (block.data[i] != block.mark) return false;
    }
    return true;
}

}  // namespace

TEST_CASE("heap blocks keep their bytes and their alignment under random use") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t free = memory::frame_counts().free;
    std::mt19937_64 random(2);
    std::vector<Block> blocks;
    for (int step = 0; step < 30000; ++step) {
        if (random() % 2 == 0 || blocks.empty()) {
            std::size_t size = random() % 50 != 0 ? 1 + random() % 600 : 1 + random() % 40000;
            auto* data = static_cast<std::uint8_t*>(heap::allocate(size));
            REQUIRE(data != nullptr);
            // SAFETY: looked at as numbers only.
            auto address = reinterpret_cast<std::uint64_t>(data);
            REQUIRE(address % (size >= 4096 ? 4096 : 16) == 0);
            Block block{data, size, static_cast<std::uint8_t>(step)};
            std::memset(data, block.mark, size);
            blocks.push_back(block);
        } else {
            std::size_t index = random() % blocks.size();
            REQUIRE(is_intact(blocks[index]));
            heap::release(blocks[index].data, blocks[index].size);
            blocks[index] = blocks.back();
            blocks.pop_back();
        }
    }
    for (const Block& block : blocks) {
        REQUIRE(is_intact(block));
        heap::release(block.data, block.size);
    }
    // One slab of each size may be kept.
    CHECK(free - memory::frame_counts().free < 40);
}

TEST_CASE("the heap answers nullptr when memory is gone, and works again when some comes back") {
    test::FakeMachine machine(16 << 20);
    std::vector<void*> blocks;
    while (void* block = heap::allocate(100'000)) blocks.push_back(block);
    CHECK(blocks.size() > 50);
    CHECK(heap::allocate(64ull << 30) == nullptr);
    heap::release(blocks.back(), 100'000);
    void* again = heap::allocate(90'000);
    CHECK(again != nullptr);
}

}  // namespace husk
