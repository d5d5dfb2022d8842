// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/frames.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/guest/smp_memory/vcpus.hpp"

using namespace husk;
using namespace husk::test;
using memory::Claim;
using memory::Contents;

TEST_CASE("vCPUs allocate and release blocks at once, and none has two owners") {
    FakeMachine machine(256 << 20);
    const memory::FrameCounts before = memory::frame_counts();
    run_vcpus([&](std::uint32_t vcpu) {
        std::vector<std::pair<abi::GuestPhys, unsigned>> mine;
        for (int round = 0; round < 2000; ++round) {
            memory::shootdown::answer();
            constexpr unsigned orders[] = {0, 0, 0, 4, 1, 0, 6};
            unsigned order = orders[(static_cast<unsigned>(round) + vcpu) % std::size(orders)];
            if (round % 3 != 2 || mine.empty()) {
                auto block = memory::allocate_frames(order, Contents::zero);
                REQUIRE(block.ok());
                // Plain: two owners are a race. And it was zeroed.
                auto& word = *memory::frame_pointer<std::uint64_t>(block.value());
                CHECK(word == 0);
                word = vcpu + 1;
                mine.emplace_back(block.value(), order);
            } else {
                auto [block, held] = mine[static_cast<std::size_t>(round) * 7 % mine.size()];
                std::erase(mine, std::pair(block, held));
                CHECK(*memory::frame_pointer<std::uint64_t>(block) == vcpu + 1);
                memory::retain_frames(block);
                memory::release_frames(block, held);
                memory::release_frames(block, held);
            }
        }
        for (auto [block, order] : mine) memory::release_frames(block, order);
    });
    CHECK(memory::frame_counts().free == before.free);
}

TEST_CASE("the last references on a frame go on different vCPUs, and it is free once") {
    FakeMachine machine(64 << 20);
    const std::uint64_t free_before = memory::frame_counts().free;
    constexpr std::uint64_t count = 2000;
    std::vector<abi::GuestPhys> frames;
    for (std::uint64_t i = 0; i < count; ++i) {
        frames.push_back(memory::allocate_frames(0, Contents::any).value());
        for (std::uint32_t vcpu = 1; vcpu < vcpus; ++vcpu) memory::retain_frames(frames.back());
    }
    run_vcpus([&](std::uint32_t) {
        for (abi::GuestPhys frame : frames) memory::release_frames(frame, 0);
    });
    CHECK(memory::frame_counts().free == free_before);
}

// Every frame is promised to somebody or taken, and what others have at hand counts: nobody is refused what is there.
TEST_CASE("the last frames are found wherever they lie") {
    FakeMachine machine(48 << 20);
    const memory::FrameCounts before = memory::frame_counts();
    const std::uint64_t each = before.spare() / vcpus;
    run_vcpus([&](std::uint32_t) {
        for (int round = 0; round < 2; ++round) {
            std::vector<abi::GuestPhys> mine;
            for (std::uint64_t i = 0; i < each; ++i) {
                memory::shootdown::answer();
                auto frame = memory::allocate_frames(0, Contents::any);
                REQUIRE(frame.ok());
                mine.push_back(frame.value());
            }
            for (abi::GuestPhys frame : mine) memory::release_frames(frame, 0);
        }
    });
    CHECK(memory::frame_counts().free == before.free);
    // They are large blocks again for whoever wants one.
    std::vector<abi::GuestPhys> large;
    for (std::uint64_t i = 0; i + 2 < before.spare() / 512; ++i) {
        auto block = memory::allocate_frames(memory::large_order, Contents::any);
        REQUIRE(block.ok());
        large.push_back(block.value());
    }
    for (abi::GuestPhys block : large) memory::release_frames(block, memory::large_order);
}

TEST_CASE("promises are kept while others take what is spare") {
    FakeMachine machine(64 << 20);
    const memory::FrameCounts before = memory::frame_counts();
    run_vcpus([&](std::uint32_t vcpu) {
        for (int round = 0; round < 400; ++round) {
            memory::shootdown::answer();
            constexpr std::uint64_t wanted = 64;
            if (!memory::promise_frames(wanted).ok()) continue;
            std::vector<abi::GuestPhys> mine;
            for (std::uint64_t i = 0; i < wanted / 2; ++i) {
                auto frame = memory::allocate_frames(0, Contents::any, Claim::promised);
                REQUIRE(frame.ok());
                mine.push_back(frame.value());
            }
            memory::drop_promise(wanted - wanted / 2);
            if (vcpu == 0) (void)memory::allocate_frames(18, Contents::any);
            for (abi::GuestPhys frame : mine) memory::release_frames(frame, 0);
        }
    });
    CHECK(memory::frame_counts().free == before.free);
    CHECK(memory::frame_counts().promised == before.promised);
}
