// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/address_space.hpp"

#include <map>
#include <string>

#include <doctest/doctest.h>

#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/kernel_stack.hpp"
#include "guest-runtime/memory/space.hpp"
#include "tests/unit/guest/memory/fake_machine.hpp"

namespace husk::memory {

namespace {

constexpr std::uint64_t page = abi::page_size;
constexpr Protection read_write = protection::read | protection::write;

std::uint64_t map_pages(std::uint64_t pages, Protection wanted = read_write) {
    return map({.size_bytes = pages * page, .protection = wanted}).value();
}

// What the promises must be: the pages of charged ranges that have no frame of their own.
std::uint64_t expected_promises() {
    Operation operation;
    std::uint64_t promises = 0;
    space.visit(0, highest_address, [&](const Mapping& mapping, std::uint64_t begin, std::uint64_t end) {
        if (mapping.kind.charged) promises += (end - begin) / page - space.own_pages(begin, end);
    });
    return promises;
}

}  // namespace

TEST_CASE("anonymous memory reads as zero and keeps what is written") {
    test::FakeMachine machine(64 << 20, false);
    std::uint64_t at = map_pages(300);
    std::uint8_t value = 1;
    CHECK(machine.read(at + 299 * page, value) == FaultAnswer::resolved);
    CHECK(value == 0);
    CHECK(machine.write(at + 5, 42) == FaultAnswer::resolved);
    CHECK(machine.read(at + 5, value) == FaultAnswer::resolved);
    CHECK(value == 42);
    CHECK(advise(at, page, 4).ok());
    CHECK(machine.read(at + 5, value) == FaultAnswer::resolved);
    CHECK(value == 0);
}

TEST_CASE("a fault outside every range, or against its protection, is told apart") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t at = map_pages(16, protection::read);
    CHECK(machine.write(at, 1) == FaultAnswer::not_allowed);
    CHECK(handle_fault(at, {.write = false, .execute = true}) == FaultAnswer::not_allowed);
    CHECK(machine.write(0, 1) == FaultAnswer::not_mapped);
    CHECK(machine.write(abi::physmap_base, 1) != FaultAnswer::resolved);
    REQUIRE(unmap(at, 16 * page).ok());
    CHECK(machine.write(at, 1) == FaultAnswer::not_mapped);
}

TEST_CASE("a reservation costs no memory, and an arena grows with one call of the gate") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t free = frame_counts().free;
    std::uint64_t arena = map({.size_bytes = 64ull << 30, .protection = protection::none, .no_reserve = true}).value();
    CHECK(arena % abi::large_page_size == 0);
    REQUIRE(protect(arena, 33 * page, read_write).ok());
    CHECK(free - frame_counts().free < 40);
    machine.gate_calls = 0;
    REQUIRE(protect(arena + 33 * page, 4 * page, read_write).ok());
    CHECK(machine.gate_calls == 1);
    CHECK(machine.peek(arena + 36 * page) == 0);
}

TEST_CASE("a thread's stack is attached at its top when it becomes writable, and is not charged") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t before = frame_counts().promised;
    std::uint64_t stack = map({.size_bytes = 64ull << 20, .protection = protection::none, .stack = true}).value();
    std::uint64_t end = stack + (64 << 20);
    REQUIRE(protect(stack + page, (64 << 20) - page, read_write).ok());
    CHECK(frame_counts().promised == before);
    CHECK(machine.peek(end - 1) == 0);
    CHECK(machine.peek(end - 4 * page) == 0);
    CHECK(!machine.peek(end - 5 * page));
    CHECK(machine.write(end - 5 * page, 7) == FaultAnswer::resolved);
    CHECK(machine.write(stack, 7) == FaultAnswer::not_allowed);
}

TEST_CASE("large ranges get large pages, and lose them page by page") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t free = frame_counts().free;
    std::uint64_t at = map_pages(3 * 512);
    CHECK(machine.write(at + 700 * page, 1) == FaultAnswer::resolved);
    CHECK((machine.translate(at + 700 * page).entry & abi::pte::large) != 0);
    REQUIRE(protect(at + 600 * page, page, protection::none).ok());
    CHECK((machine.translate(at + 700 * page).entry & abi::pte::large) == 0);
    CHECK(machine.write(at + 600 * page, 1) == FaultAnswer::not_allowed);
    std::uint8_t value = 0;
    CHECK(machine.read(at + 700 * page, value) == FaultAnswer::resolved);
    CHECK(value == 1);
    REQUIRE(unmap(at, 3 * 512 * page).ok());
    CHECK(free - frame_counts().free < 8);
}

TEST_CASE("memory ends with ENOMEM at the call that asks, and what was granted can be touched") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t stack = map({.size_bytes = 8 << 20, .protection = read_write, .stack = true}).value();
    std::map<std::uint64_t, std::uint64_t> blocks;
    for (;;) {
        auto block = map({.size_bytes = 3 << 20, .protection = read_write});
        if (!block.ok()) {
            CHECK(block.error() == Errno::enomem);
            break;
        }
        blocks[block.value()] = 3 << 20;
    }
    CHECK(blocks.size() > 15);
    for (auto [begin, size] : blocks) {
        for (std::uint64_t at = begin; at < begin + size; at += page) {
            REQUIRE(machine.write(at, 9) == FaultAnswer::resolved);
        }
    }
    CHECK(expected_promises() == frame_counts().promised);
    // Uncharged memory is refused at the touch.
    std::uint64_t thin = map({.size_bytes = 1 << 30, .protection = read_write, .no_reserve = true}).value();
    FaultAnswer answer = FaultAnswer::resolved;
    for (std::uint64_t i = 0; i < 4096 && answer == FaultAnswer::resolved; ++i)
        answer = machine.write(thin + i * page, 1);
    CHECK(answer == FaultAnswer::out_of_memory);
    REQUIRE(unmap(thin, 1 << 30).ok());
    // What handles the failure has a stack to run on.
    for (std::uint64_t i = 0; i < 16; ++i) {
        CHECK(machine.write(stack + (2000 - i) * page, 1) == FaultAnswer::resolved);
    }
    // And the VM lives on.
    REQUIRE(unmap(blocks.begin()->first, 3 << 20).ok());
    CHECK(map({.size_bytes = 2 << 20, .protection = read_write}).ok());
}

TEST_CASE("the break grows from the image's end and gives memory back") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t start = set_break(0);
    CHECK(start == test::FakeMachine::image_end);
    std::uint64_t free = frame_counts().free;
    CHECK(set_break(start + 100'001) == start + 100'001);
    CHECK(machine.write(start + 100'000, 3) == FaultAnswer::resolved);
    CHECK(set_break(start + (1ull << 40)) == start + 100'001);
    CHECK(set_break(start + (1ull << 33)) == start + 100'001);
    CHECK(set_break(start) == start);
    CHECK(free - frame_counts().free < 4);
    CHECK(machine.write(start, 3) == FaultAnswer::not_mapped);
}

TEST_CASE("pages that the break leaves again and again stay, empty, and are let go with more than they are") {
    test::FakeMachine machine(64 << 20);
    const std::uint64_t low = set_break(0) + 1000 * page, high = low + 33 * page;
    const std::uint64_t free = frame_counts().free;
    REQUIRE(set_break(low) == low);
    for (int round = 0; round < 2; ++round) {
        REQUIRE(set_break(high) == high);
        CHECK(machine.write(high - 1, 3) == FaultAnswer::resolved);
        REQUIRE(set_break(low) == low);
    }
    machine.gate_calls = 0;
    REQUIRE(set_break(high) == high);
    CHECK(machine.peek(high - 1) == 0);
    CHECK(machine.write(high - 1, 3) == FaultAnswer::resolved);
    REQUIRE(set_break(low) == low);
    CHECK(machine.gate_calls == 0);

    // For the application nothing is above the break, so that to unmap something there changes nothing.
    REQUIRE(unmap(low + page, page).ok());
    CHECK(set_break(high) == high);
    CHECK(machine.write(low + page, 3) == FaultAnswer::resolved);
    CHECK(set_break(low + page) == low + page);
    CHECK(set_break(low - 1000 * page) == low - 1000 * page);
    CHECK(free - frame_counts().free < 4);
    CHECK(machine.write(low, 3) == FaultAnswer::not_mapped);
}

TEST_CASE("protection of the image's pages changes in place, and its frames never reach the allocator") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t free = frame_counts().free;
    std::uint64_t at = test::FakeMachine::image_begin + page;
    CHECK(machine.write(at, 5) == FaultAnswer::resolved);
    REQUIRE(protect(at, page, protection::read).ok());
    CHECK(machine.write(at, 6) == FaultAnswer::not_allowed);
    CHECK(machine.peek(at) == 5);
    CHECK(machine.translate(at).gpa == at);
    REQUIRE(unmap(at, page).ok());
    CHECK(machine.write(at, 6) == FaultAnswer::not_mapped);
    CHECK(free - frame_counts().free <= 1);
}

TEST_CASE("Linux's errors for impossible ranges") {
    test::FakeMachine machine(64 << 20);
    auto fixed_at = [](std::uint64_t address, bool no_replace = false) {
        return map({.address = address,
                    .size_bytes = page,
                    .protection = read_write,
                    .fixed = true,
                    .no_replace = no_replace});
    };
    CHECK(map({.size_bytes = 0}).error() == Errno::einval);
    CHECK(map({.size_bytes = UINT64_MAX - 5}).error() == Errno::enomem);
    CHECK(fixed_at(0).error() == Errno::eperm);
    CHECK(fixed_at(0x20'0800).error() == Errno::einval);
    CHECK(fixed_at(abi::physmap_base).error() == Errno::enomem);
    CHECK(fixed_at(0xffff'8000'0000'0000).error() == Errno::enomem);
    std::uint64_t at = map_pages(4);
    CHECK(fixed_at(at, true).error() == Errno::eexist);
    CHECK(fixed_at(at).value() == at);
    CHECK(unmap(at + 1, page).error() == Errno::einval);
    CHECK(unmap(at, 0).error() == Errno::einval);
    CHECK(unmap(abi::physmap_base, page).error() == Errno::einval);
    CHECK(unmap(at + 100 * page, page).ok());
    CHECK(protect(at + 1, page, 0).error() == Errno::einval);
    CHECK(protect(at, 0, 0).ok());
    CHECK(protect(at, 1000 * page, 0).error() == Errno::enomem);
    CHECK(protect(at, UINT64_MAX - at, 0).error() == Errno::enomem);
    CHECK(protect(abi::physmap_base, page, protection::all).error() == Errno::enomem);
    CHECK(remap(at, 4 * page, 0, true, {}).error() == Errno::einval);
    CHECK(remap(at + 50 * page, page, 2 * page, true, {}).error() == Errno::efault);
    CHECK(remap(at, 4 * page, 4 * page, true, at + page).error() == Errno::einval);
    CHECK(advise(at, page, 99).error() == Errno::einval);
    CHECK(advise(at, 1000 * page, 4).error() == Errno::enomem);
}

TEST_CASE("pages and stacks that the launcher has mapped are used without a call of the gate") {
    constexpr std::uint64_t ready = 40;
    test::FakeMachine machine(64 << 20, true, ready, 2);
    std::uint64_t start = set_break(0);
    CHECK(start == test::FakeMachine::image_end);
    CHECK(set_break(start + 35 * page) == start + 35 * page);
    CHECK(machine.write(start + 34 * page, 1) == FaultAnswer::resolved);
    std::uint64_t stack = allocate_kernel_stack().value();
    CHECK(allocate_kernel_stack().value() == stack + kernel_stack_stride_bytes);
    CHECK(machine.gate_calls == 0);
    CHECK(frame_counts().promised == 0);

    CHECK(set_break(start + 50 * page) == start + 50 * page);
    CHECK(machine.write(start + 49 * page, 2) == FaultAnswer::resolved);
    CHECK(set_break(start) == start);
    CHECK(machine.write(start + 45 * page, 2) == FaultAnswer::not_mapped);
    CHECK(set_break(start + 35 * page) == start + 35 * page);
    CHECK(machine.peek(start + 34 * page) == 0);
    // Their frames are nobody else's.
    for (;;) {
        auto block = allocate_frames(0, Contents::any);
        if (!block.ok()) break;
        REQUIRE(block.value().value >= start + ready * page);
        REQUIRE(block.value().value < (64 << 20) - 8 * page);
    }
    CHECK(machine.write(allocate_kernel_stack().value() - 1, 1) == FaultAnswer::resolved);
}

TEST_CASE("faults that follow each other attach more each time") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t at = map_pages(400);
    std::uint64_t faults = 0;
    for (std::uint64_t i = 0; i < 400; ++i) {
        if (machine.translate(at + i * page).entry == 0) ++faults;
        CHECK(machine.write(at + i * page, 1) == FaultAnswer::resolved);
    }
    CHECK(faults <= 10);
}

TEST_CASE("the first stack has a guard, a name and a top that is there") {
    test::FakeMachine machine(64 << 20);
    std::uint64_t bottom = map_main_stack({.size_bytes = 8 << 20, .protection = read_write}).value();
    CHECK(machine.peek(bottom + (8 << 20) - 1) == 0);
    CHECK(machine.write(bottom, 1) == FaultAnswer::resolved);
    CHECK(machine.write(bottom - 1, 1) == FaultAnswer::not_allowed);
    struct Names final : RangeVisitor {
        std::string seen;
        void visit(std::uint64_t, std::uint64_t, Protection, bool, const char* name) override { seen += name; }
    } names;
    visit_ranges(names);
    CHECK(names.seen == "/proc/self/exe[stack]");
}

TEST_CASE("page tables come from frames when the launcher's pool is used up, and are read-only then") {
    test::FakeMachine machine(128 << 20);
    // The gate's fake refuses a table page that ring 3 could write.
    for (std::uint64_t i = 0; i < 600; ++i) {
        std::uint64_t at = 0x5000'0000'0000 + i * abi::giant_page_size;
        REQUIRE(map({.address = at, .size_bytes = page, .protection = read_write, .fixed = true}).ok());
        REQUIRE(machine.write(at, static_cast<std::uint8_t>(i)) == FaultAnswer::resolved);
    }
    for (std::uint64_t i = 0; i < 600; ++i) {
        CHECK(machine.peek(0x5000'0000'0000 + i * abi::giant_page_size) == static_cast<std::uint8_t>(i));
    }
}

}  // namespace husk::memory
