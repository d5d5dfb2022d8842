// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/give_back.hpp"
#include "guest-runtime/memory/space.hpp"
#include "tests/unit/guest/memory/fake_machine.hpp"

namespace husk::memory {

namespace {

constexpr std::uint64_t page = abi::page_size;
constexpr int dont_need = 4;

void write_each(test::FakeMachine& machine, std::uint64_t at, std::uint64_t size_bytes) {
    for (std::uint64_t i = 0; i < size_bytes / page; ++i) {
        REQUIRE(machine.write(at + i * page + 7, 42) == FaultAnswer::resolved);
    }
}

// Written once in each page.
std::uint64_t map_written(test::FakeMachine& machine, const MapRequest& request) {
    std::uint64_t at = map(request).value();
    write_each(machine, at, request.size_bytes);
    return at;
}

// As something that is dropped again and again.
std::uint64_t map_dropped(test::FakeMachine& machine, const MapRequest& request) {
    std::uint64_t at = map_written(machine, request);
    REQUIRE(advise(at, request.size_bytes, dont_need).ok());
    write_each(machine, at, request.size_bytes);
    return at;
}

abi::GuestPhys frame_at(std::uint64_t va) {
    Operation operation;
    return frame_behind(space.tables().lookup(va).entry);
}

constexpr Protection read_write = protection::read | protection::write;

}  // namespace

TEST_CASE("pages that are dropped again are filled with zeroes where they are") {
    // With and without large pages.
    for (std::uint64_t size_bytes : {1 << 20, 4 << 20}) {
        CAPTURE(size_bytes);
        test::FakeMachine machine(64 << 20);
        std::uint64_t at = map_written(machine, {.size_bytes = size_bytes, .protection = read_write});
        REQUIRE(advise(at + 3 * page, 200 * page, dont_need).ok());
        write_each(machine, at, size_bytes);
        FrameCounts before = frame_counts();
        machine.gate_calls = 0;
        REQUIRE(advise(at + 3 * page, 200 * page, dont_need).ok());
        CHECK(machine.gate_calls == 0);
        CHECK(machine.peek(at + 2 * page + 7) == 42);
        CHECK(machine.peek(at + 3 * page + 7) == 0);
        CHECK(machine.peek(at + 202 * page + 7) == 0);
        CHECK(machine.peek(at + 203 * page + 7) == 42);
        CHECK(frame_counts().free == before.free);
        CHECK(frame_counts().promised == before.promised);
    }
}

TEST_CASE("frames that others could use are let go") {
    test::FakeMachine machine(64 << 20, false);
    std::uint64_t free = frame_counts().free;
    SUBCASE("of memory that was not charged") {
        std::uint64_t at =
            map_dropped(machine, {.size_bytes = 64 * page, .protection = read_write, .no_reserve = true});
        free = frame_counts().free;
        REQUIRE(advise(at, 64 * page, dont_need).ok());
        CHECK(frame_counts().free >= free + 64);
    }
    SUBCASE("of much memory") {
        std::uint64_t at = map_dropped(machine, {.size_bytes = 4 << 20, .protection = read_write});
        free = frame_counts().free;
        REQUIRE(advise(at, 4 << 20, dont_need).ok());
        CHECK(frame_counts().free >= free + 1024);
    }
    SUBCASE("when the host wants memory back") {
        set_freed_hook([] {});
        std::uint64_t at = map_dropped(machine, {.size_bytes = 64 * page, .protection = read_write});
        free = frame_counts().free;
        REQUIRE(advise(at, 64 * page, dont_need).ok());
        CHECK(frame_counts().free >= free + 64);
        set_freed_hook(nullptr);
    }
}

TEST_CASE("memory that is dropped piece by piece is let go") {
    test::FakeMachine machine(64 << 20, false);
    std::uint64_t at = map({.size_bytes = 32 << 20, .protection = read_write}).value();
    std::uint64_t free = frame_counts().free;
    for (std::uint64_t from = at; from < at + (32 << 20); from += 1 << 20) {
        write_each(machine, from, 1 << 20);
        REQUIRE(advise(from, 1 << 20, dont_need).ok());
    }
    CHECK(frame_counts().free + 600 >= free);
}

TEST_CASE("what a device still holds keeps its contents") {
    test::FakeMachine machine(64 << 20, false);
    std::uint64_t at = map_dropped(machine, {.size_bytes = 16 * page, .protection = read_write});
    abi::GuestPhys held = frame_at(at + 5 * page);
    retain_frames(held);
    REQUIRE(advise(at, 16 * page, dont_need).ok());
    CHECK(frame_pointer<const char>(held)[7] == 42);
    std::uint8_t value = 1;
    CHECK(machine.read(at + 5 * page + 7, value) == FaultAnswer::resolved);
    CHECK(value == 0);
    release_frames(held, 0);
}

}  // namespace husk::memory
