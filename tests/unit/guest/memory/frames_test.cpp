// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/frames.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/memory/bit_tree.hpp"
#include "guest-runtime/memory/give_back.hpp"
#include "guest-runtime/memory/reclaim.hpp"
#include "tests/unit/guest/memory/fake_machine.hpp"

namespace husk::memory {

namespace {

std::uint64_t bytes_of(unsigned order) { return abi::page_size << order; }

bool is_filled(abi::GuestPhys block, unsigned order, std::uint8_t value) {
    auto* bytes = frame_pointer<std::uint8_t>(block);
    return std::all_of(bytes, bytes + bytes_of(order), [&](std::uint8_t b) { return b == value; });
}

}  // namespace

TEST_CASE("a bit tree finds its lowest member across all levels") {
    constexpr std::uint64_t bound = 64 * 64 * 64 + 3;
    std::vector<std::uint64_t> storage(BitTree::words_needed(bound));
    BitTree tree(storage.data(), bound);
    CHECK(tree.lowest() == BitTree::none);
    for (std::uint64_t member : {bound - 1, std::uint64_t{5000}, std::uint64_t{64}}) {
        tree.insert(member);
        CHECK(tree.lowest() == member);
    }
    tree.erase(64);
    tree.erase(5000);
    CHECK(tree.lowest() == bound - 1);
    CHECK(!tree.contains(64));
    tree.erase(bound - 1);
    CHECK(tree.lowest() == BitTree::none);
}

TEST_CASE("blocks that were used and are free again go back, and what the host took need not be zeroed") {
    test::FakeMachine machine(64 << 20);
    static int freed = 0;
    set_freed_hook([] { ++freed; });
    const std::uint64_t backed = backed_bytes();
    std::array<abi::PhysRange, 64> blocks;
    CHECK(take_backed_blocks(blocks) == 0);  // nothing was used and freed yet

    std::vector<abi::GuestPhys> mine;
    for (int i = 0; i < 4; ++i) {
        mine.push_back(allocate_frames(large_order, Contents::any).value());
        std::memset(frame_pointer<>(mine.back()), 0x5a, abi::large_page_size);
    }
    CHECK(backed_bytes() == backed + 4 * abi::large_page_size);
    CHECK(take_backed_blocks(blocks) == 0);  // they are in use
    const std::uint64_t free = frame_counts().free;
    for (abi::GuestPhys block : mine) release_frames(block, large_order);
    CHECK(freed == 4);

    const std::size_t count = take_backed_blocks(blocks);
    REQUIRE(count == 4);
    CHECK(blocks[0].begin > blocks[3].begin);
    CHECK(frame_counts().free == free);  // nobody else gets them
    CHECK(take_backed_blocks(std::span(blocks).subspan(4)) == 0);
    // The host takes three of them.
    for (std::size_t i = 0; i < 3; ++i) std::memset(frame_pointer<>({blocks[i].begin}), 0, abi::large_page_size);
    return_blocks(std::span(blocks).first(count), 3);
    CHECK(freed == 4);
    CHECK(frame_counts().free == free + 4 * 512);
    CHECK(backed_bytes() == backed + abi::large_page_size);
    CHECK(take_backed_blocks(blocks) == 1);
    return_blocks(std::span(blocks).first(1), 0);

    for (int i = 0; i < 4; ++i) {
        abi::GuestPhys block = allocate_frames(large_order, Contents::zero).value();
        CHECK(is_filled(block, large_order, 0));
    }
    set_freed_hook(nullptr);
}

TEST_CASE("a part of a large free block goes back and the rest of it stays free") {
    test::FakeMachine machine(64 << 20);
    const std::uint64_t free = frame_counts().free;
    abi::GuestPhys frame = allocate_frames(0, Contents::any).value();
    release_frames(frame, 0);
    std::array<abi::PhysRange, 8> blocks;
    const std::size_t count = take_backed_blocks(blocks);
    CHECK(count <= 1);  // none when its 2 MiB are not wholly the allocator's
    CHECK(frame_counts().free == free - count * 512);
    return_blocks(std::span(blocks).first(count), count);
    CHECK(frame_counts().free == free);
    std::vector<abi::GuestPhys> all;
    for (;;) {
        auto block = allocate_frames(large_order, Contents::any);
        if (!block.ok()) break;
        all.push_back(block.value());
    }
    for (abi::GuestPhys block : all) release_frames(block, large_order);
    CHECK(frame_counts().free == free);
}

TEST_CASE("frames come from the lowest free address of the best range first") {
    test::FakeMachine machine(64 << 20);
    abi::GuestPhys first = allocate_frames(0, Contents::any).value();
    abi::GuestPhys second = allocate_frames(0, Contents::any).value();
    CHECK(first.value < test::FakeMachine::image_begin + abi::large_page_size);
    CHECK(second > first);
    release_frames(first, 0);
    CHECK(allocate_frames(0, Contents::any).value() == first);
}

TEST_CASE("a block is freed by its last reference only") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t free = frame_counts().free;
    abi::GuestPhys block = allocate_frames(3, Contents::any).value();
    retain_frames(block);
    CHECK(frame_references(block) == 2);
    release_frames(block, 3);
    CHECK(frame_counts().free == free - 8);
    release_frames(block, 3);
    CHECK(frame_counts().free == free);
    CHECK_THROWS_AS(release_frames(block, 3), test::Panic);
}

TEST_CASE("a held block outlives its owner, split or not") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t free = frame_counts().free;
    for (bool splits : {false, true}) {
        abi::GuestPhys block = allocate_frames(3, Contents::any).value();
        BlockHold first, second;
        hold_block(first, block, 3);
        hold_block(second, block, 3);
        if (splits) {
            split_frames(block, 3);
            for (unsigned i = 0; i < 8; ++i) release_frames(block + i * abi::page_size, 0);
        } else {
            release_frames(block, 3);
        }
        release_hold(second);
        CHECK(frame_counts().free == free - 8);
        CHECK(frame_references(block) == 1);
        release_hold(first);
        CHECK(frame_counts().free == free);
    }
}

TEST_CASE("memory that can be reclaimed is, before an allocation or a promise fails") {
    test::FakeMachine machine(64 << 20);
    static std::vector<abi::GuestPhys> cached;
    cached.clear();
    for (;;) {
        auto frame = allocate_frames(0, Contents::any);
        if (!frame.ok()) break;
        cached.push_back(frame.value());
    }
    set_reclaimer([](std::uint64_t frames) {
        std::uint64_t gone = 0;
        for (; gone < frames && !cached.empty(); ++gone) {
            release_frames(cached.back(), 0);
            cached.pop_back();
        }
        return gone;
    });
    CHECK(allocate_frames(0, Contents::any).ok());
    CHECK(promise_frames(1000).ok());
    CHECK(make_spare(2000));
    CHECK(frame_counts().spare() >= 2000);
    std::uint64_t all = cached.size();
    CHECK_FALSE(promise_frames(all + 100'000).ok());
    set_reclaimer(nullptr);
}

TEST_CASE("a released frame is zeroed again before it is handed out as zero") {
    for (bool ram_is_zero : {true, false}) {
        test::FakeMachine machine(64 << 20, ram_is_zero);
        for (unsigned order : {0u, 3u, 6u, 9u}) {
            abi::GuestPhys block = allocate_frames(order, Contents::zero).value();
            CHECK(is_filled(block, order, 0));
            std::memset(frame_pointer<void>(block), 0x5a, bytes_of(order));
            release_frames(block, order);
            abi::GuestPhys again = allocate_frames(order, Contents::zero).value();
            CHECK(is_filled(again, order, 0));
        }
    }
}

TEST_CASE("promised frames are kept from everyone else") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t spare = frame_counts().spare();
    REQUIRE(promise_frames(spare - 2).ok());
    CHECK(promise_frames(3).error() == Errno::enomem);
    abi::GuestPhys a = allocate_frames(0, Contents::any).value();
    CHECK(allocate_frames(0, Contents::any).ok());
    CHECK(!allocate_frames(0, Contents::any).ok());
    CHECK(allocate_frames(0, Contents::any, Claim::runtime).ok());
    CHECK(allocate_frames(0, Contents::any, Claim::promised).ok());
    CHECK(frame_counts().promised == spare - 3);
    drop_promise(spare - 3);
    CHECK(allocate_frames(0, Contents::any).ok());
    release_frames(a, 0);
}

TEST_CASE("random allocations never overlap, and all of it comes back in the largest blocks") {
    test::FakeMachine machine(96 << 20);
    FrameCounts before = frame_counts();
    std::mt19937_64 random(1);
    std::map<std::uint64_t, unsigned> blocks;  // gpa -> order
    for (int step = 0; step < 20000; ++step) {
        if (random() % 5 < 3) {
            auto order = static_cast<unsigned>(random() % 100 < 98 ? random() % 5 : random() % 11);
            auto taken = allocate_frames(order, Contents::any);
            if (!taken.ok()) continue;
            std::uint64_t begin = taken.value().value;
            REQUIRE(begin % bytes_of(order) == 0);
            auto next = blocks.lower_bound(begin);
            REQUIRE((next == blocks.end() || begin + bytes_of(order) <= next->first));
            if (next != blocks.begin()) {
                auto previous = std::prev(next);
                REQUIRE(previous->first + bytes_of(previous->second) <= begin);
            }
            blocks[begin] = order;
        } else if (!blocks.empty()) {
            auto victim = blocks.lower_bound(random() % (96 << 20));
            if (victim == blocks.end()) victim = blocks.begin();
            auto [begin, order] = *victim;
            blocks.erase(victim);
            if (order != 0 && random() % 4 == 0) {
                split_frames({begin}, order);
                for (std::uint64_t i = 0; i < 1ull << order; ++i) blocks[begin + i * abi::page_size] = 0;
            } else {
                release_frames({begin}, order);
            }
        }
    }
    for (auto [begin, order] : blocks) release_frames({begin}, order);
    CHECK(frame_counts().free == before.free);
    // 32 MiB is the largest aligned block that is free in 96 MiB.
    CHECK(allocate_frames(13, Contents::any).ok());
}

}  // namespace husk::memory
