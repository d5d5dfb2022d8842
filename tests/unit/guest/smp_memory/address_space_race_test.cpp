// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/address_space.hpp"

#include <doctest/doctest.h>

#include <husk/abi/machine.hpp>

#include "guest-runtime/memory/frames.hpp"
#include "tests/unit/guest/smp_memory/vcpus.hpp"

using namespace husk;
using namespace husk::test;

namespace {

constexpr memory::Protection read_write = memory::protection::read | memory::protection::write;
constexpr std::uint64_t page = abi::page_size;

std::uint64_t map(std::uint64_t size_bytes, bool small_pages = false) {
    auto mapped = memory::map({.size_bytes = size_bytes, .protection = read_write, .stack = small_pages});
    if (!mapped.ok()) return 0;
    return mapped.value();
}

}  // namespace

TEST_CASE("vCPUs touch one range for the first time all at once, and each page has one frame") {
    FakeMachine machine(128 << 20);
    constexpr std::uint64_t size_bytes = 8 << 20;
    for (int round = 0; round < 4; ++round) {
        const std::uint64_t free_before = memory::frame_counts().free;
        const std::uint64_t begin = map(size_bytes, round % 2 == 1);
        // Neighbours are touched by different vCPUs, so that all meet in every 2 MiB; each byte is one vCPU's.
        run_vcpus([&](std::uint32_t vcpu) {
            for (std::uint64_t at = vcpu * page; at < size_bytes; at += vcpus * page)
                CHECK(store(machine, begin + at, static_cast<std::uint8_t>(at / page)));
        });
        for (std::uint64_t at = 0; at < size_bytes; at += page)
            REQUIRE(machine.peek(begin + at) == static_cast<std::uint8_t>(at / page));
        const std::uint64_t used = free_before - memory::frame_counts().free;
        CHECK(memory::unmap(begin, size_bytes).ok());
        // The first rounds set page tables aside. Nothing was attached twice, and lost.
        if (round < 2) continue;
        CHECK(used == size_bytes / page);
        CHECK(memory::frame_counts().free == free_before);
    }
}

// A frame goes from one vCPU to the next through unmapping. Stores are plain: one through a translation that should
// have been dropped, or into a frame that somebody else has, is a race that the sanitiser sees.
TEST_CASE("vCPUs map, touch and unmap at once, and no frame is two vCPUs'") {
    FakeMachine machine(64 << 20);
    const std::uint64_t free_before = memory::frame_counts().free;
    run_vcpus([&](std::uint32_t vcpu) {
        for (std::uint64_t round = 0; round < 60; ++round) {
            const std::uint64_t size_bytes = (1 + (round + vcpu) % 40) * 16 * page;
            const std::uint64_t begin = map(size_bytes, round % 3 == 0);
            REQUIRE(begin != 0);
            for (std::uint64_t at = 0; at < size_bytes; at += 5 * page) CHECK(store(machine, begin + at, 1));
            CHECK(memory::protect(begin, size_bytes / 2 / page * page, memory::protection::read).ok());
            CHECK_FALSE(store(machine, begin, 2));
            CHECK(memory::unmap(begin, size_bytes).ok());
        }
    });
    // Page tables and nodes that are kept take a little.
    CHECK(memory::frame_counts().free + 1024 >= free_before);
    CHECK(memory::frame_counts().promised == 0);
}

// What one vCPU reads through a translation that it still holds lies in a frame that nobody has got in the meantime.
TEST_CASE("a page that one vCPU drops while others use it is nobody else's before they have forgotten it") {
    FakeMachine machine(64 << 20);
    constexpr int rounds = 150;
    // Not charged: such pages are let go, where others would be emptied in place, which races with who uses them
    // meanwhile as any of the application's own stores would.
    const std::uint64_t shared = memory::map({.size_bytes = 16 * page,
                                              .protection = memory::protection::read | memory::protection::write,
                                              .no_reserve = true})
                                     .value();
    std::atomic<bool> is_over = false;
    run_vcpus([&](std::uint32_t vcpu) {
        if (vcpu == 0) {
            for (int round = 0; round < rounds; ++round) {
                CHECK(memory::advise(shared, 16 * page, 4).ok());  // MADV_DONTNEED
                // Gets the frames that have just become free, and stores without asking anybody.
                const std::uint64_t mine = map(16 * page);
                for (std::uint64_t at = 0; at < 16 * page; at += page) CHECK(store(machine, mine + at, 7));
                CHECK(memory::unmap(mine, 16 * page).ok());
            }
            is_over = true;
            return;
        }
        while (!is_over.load()) {
            for (std::uint64_t at = 0; at < 16 * page; at += page) {
                memory::shootdown::answer();
                std::uint64_t va = shared + at;
                if (remembered.va != va) {
                    auto [entry, gpa] = machine.translate(va);
                    remembered = {entry != 0 ? va : 0, gpa, false};
                }
                if (remembered.va == 0) {
                    CHECK(memory::handle_fault(va, {.write = true, .execute = false}) == memory::FaultAnswer::resolved);
                    continue;
                }
                std::uint8_t* byte = memory::frame_pointer<std::uint8_t>({remembered.gpa});
                CHECK(std::atomic_ref(*byte).load(std::memory_order_relaxed) == 0);
            }
        }
    });
    CHECK(memory::unmap(shared, 16 * page).ok());
}
