// SPDX-License-Identifier: Apache-2.0
// Several threads allocate, fill, check, hand over and free blocks of all sizes.
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

struct Block {
    unsigned char* bytes = nullptr;
    std::size_t size = 0;
    unsigned char fill = 0;
};

std::mutex handover_mutex;
std::vector<Block> handover;  // freed by another thread than the one that allocated

Block make(std::mt19937& random) {
    const std::size_t size = std::size_t{1} << (random() % 17);
    Block block{static_cast<unsigned char*>(std::malloc(size)), size, static_cast<unsigned char>(random())};
    check(block.bytes != nullptr);
    std::memset(block.bytes, block.fill, size);
    return block;
}

void check_and_free(const Block& block) {
    check(block.bytes[0] == block.fill && block.bytes[block.size / 2] == block.fill &&
          block.bytes[block.size - 1] == block.fill);
    std::free(block.bytes);
}

// Gives `block` to the pool and takes another thread's in exchange once the pool is full.
Block swap_with_pool(const Block& block, std::mt19937& random) {
    const std::lock_guard lock(handover_mutex);
    if (handover.size() < 100) {
        handover.push_back(block);
        return {};
    }
    return std::exchange(handover[random() % handover.size()], block);
}

void work(unsigned seed) {
    std::mt19937 random(seed);
    std::vector<Block> mine(64);
    for (int i = 0; i < 20000; ++i) {
        Block& slot = mine[random() % mine.size()];
        if (slot.bytes != nullptr && random() % 8 == 0) slot = swap_with_pool(slot, random);
        if (slot.bytes != nullptr) check_and_free(slot);
        slot = make(random);
    }
    for (const Block& block : mine) {
        if (block.bytes != nullptr) check_and_free(block);
    }
}

void grow_by_realloc() {
    auto* bytes = static_cast<unsigned char*>(std::malloc(16));
    for (std::size_t size = 16; size <= std::size_t{8} << 20; size *= 2) {
        bytes = static_cast<unsigned char*>(std::realloc(bytes, size));
        check(bytes != nullptr);
        if (size > 16) check(bytes[size / 2 - 1] == 0x5a);
        std::memset(bytes, 0x5a, size);
    }
    std::free(bytes);
}

void aligned() {
    for (std::size_t alignment = 16; alignment <= 65536; alignment *= 2) {
        void* bytes = std::aligned_alloc(alignment, alignment * 3);
        check(bytes != nullptr && reinterpret_cast<std::uintptr_t>(bytes) % alignment == 0);
        std::free(bytes);
    }
}

}  // namespace

int main() {
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; ++t) threads.emplace_back(work, t + 1);
    for (auto& thread : threads) thread.join();
    for (const Block& block : handover) check_and_free(block);
    passed("malloc from four threads");
    grow_by_realloc();
    passed("realloc");
    aligned();
    passed("aligned_alloc");
}
