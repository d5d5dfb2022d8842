// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/address_space.hpp"

#include <doctest/doctest.h>

#include <husk/abi/memory_layout.hpp>
#include <vector>

#include "tests/unit/launcher/page_walk.hpp"

using namespace husk;

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t gib = 1 << 30;
constexpr abi::GuestVirt main_stack_end{abi::main_stack_highest_end - 0x1234'5000};

image::Segment segment(std::uint64_t begin, std::uint64_t memory_bytes, bool writable, bool executable) {
    return {{begin}, 0, memory_bytes, memory_bytes, true, writable, executable};
}

const std::vector<image::Segment> segments = {
    segment(0x400000, 0x1234, false, false),    // headers and notes
    segment(0x402000, 0x2f'f000, false, true),  // text, over a 2 MiB border
    segment(0x702000, 0x1000, false, false),    // constants
    segment(0x704008, 0x2'0000, true, false),   // data and bss
};

struct Space {
    explicit Space(std::uint64_t ram_bytes, std::uint32_t cpus = 2)
        : plan(boot::plan_memory(segments, ram_bytes, cpus, 5000)),
          words((plan.tables.end - plan.tables.begin) / 8),
          tables(words, {plan.tables.begin}, boot::PageSize::giant) {
        REQUIRE(boot::map_address_space(tables, plan, segments, main_stack_end));
    }
    auto walk(std::uint64_t virt) const { return test::walk(words, plan.tables.begin, virt); }
    auto physmap(std::uint64_t gpa) const { return walk(abi::physmap_base + gpa); }
    auto supervisor(std::uint64_t gpa) const { return walk(abi::supervisor_map_base + gpa); }

    boot::MemoryPlan plan;
    std::vector<std::uint64_t> words;
    boot::PageTableBuilder tables;
};

bool in(std::uint64_t gpa, abi::PhysRange range) { return gpa >= range.begin && gpa < range.end; }

}  // namespace

TEST_CASE("each segment lies where it is linked, with its own permissions and no more") {
    const Space space(64 * mib);
    for (const image::Segment& each : segments) {
        const std::uint64_t begin = abi::align_down(each.begin.value, abi::page_size);
        const std::uint64_t end = abi::align_up(each.begin.value + each.memory_bytes, abi::page_size);
        for (std::uint64_t at = begin; at < end; at += abi::page_size) {
            const auto page = space.walk(at);
            REQUIRE(page);
            CHECK(page->phys == at);
            CHECK(page->user);
            CHECK(page->writable == each.writable);
            CHECK(page->executable == each.executable);
            CHECK(page->dirty);
        }
    }
    CHECK_FALSE(space.walk(0));
    CHECK_FALSE(space.walk(0x3ff000));
    CHECK_FALSE(space.walk(0x701000));
    CHECK_FALSE(space.walk(0x703000));
}

TEST_CASE("the physmap holds all memory, never executable, and writable only where that undoes nothing") {
    const Space space(64 * mib);
    for (std::uint64_t gpa = 0; gpa < 64 * mib; gpa += abi::page_size) {
        const auto page = space.physmap(gpa);
        bool mapped = gpa >= space.plan.kernel_stack.begin;
        bool writable = gpa >= 2 * mib;
        if (in(gpa, space.plan.vcpu_areas)) {
            const std::uint64_t index = (gpa - space.plan.vcpu_areas.begin) / abi::page_size % 8;
            mapped = index != 1 && index != 3;  // guards
            writable = true;
        }
        if (in(gpa, space.plan.kernel_stack) || in(gpa, space.plan.main_stack)) writable = true;
        for (const image::Segment& each : segments) {
            if (!each.writable &&
                in(gpa, {each.begin.value, abi::align_up(each.begin.value + each.memory_bytes, 4096)}))
                writable = false;
        }
        REQUIRE(page.has_value() == mapped);
        if (!mapped) continue;
        CHECK(page->phys == gpa);
        CHECK(page->user);
        CHECK_FALSE(page->executable);
        REQUIRE(page->writable == writable);
    }
    CHECK_FALSE(space.physmap(64 * mib));
    CHECK(space.physmap(32 * mib)->page_bytes == 2 * mib);
}

TEST_CASE("the areas of many vCPUs have their guards where they lie") {
    const Space space(64 * mib, 20);
    REQUIRE(space.plan.vcpu_areas.begin == 2 * mib);
    for (std::uint64_t gpa = 2 * mib; gpa < 4 * mib; gpa += abi::page_size) {
        const std::uint64_t index = (gpa - 2 * mib) / abi::page_size % 8;
        const bool is_guard = in(gpa, space.plan.vcpu_areas) && (index == 1 || index == 3);
        REQUIRE(space.physmap(gpa).has_value() == !is_guard);
        if (!is_guard) CHECK((space.physmap(gpa)->phys == gpa && space.physmap(gpa)->writable));
    }
}

TEST_CASE("code that has its last large page to itself is mapped to the end of it, and shares it with nothing else") {
    const std::vector<image::Segment> apart = {
        segment(0x400000, 0x2f'f000, false, true),  // one large page and a part of the next
        segment(0x800000, 0x1000, false, false),
        segment(0x802000, 0x1000, true, false),
    };
    const boot::MemoryPlan plan = boot::plan_memory(apart, 64 * mib, 1, 5000);
    std::vector<std::uint64_t> words((plan.tables.end - plan.tables.begin) / 8);
    boot::PageTableBuilder tables(words, {plan.tables.begin}, boot::PageSize::giant);
    REQUIRE(boot::map_address_space(tables, plan, apart, main_stack_end));
    for (const std::uint64_t at : {std::uint64_t{0x400000}, std::uint64_t{0x600000}, std::uint64_t{0x7ff000}}) {
        const auto page = test::walk(words, plan.tables.begin, at);
        REQUIRE(page);
        CHECK(page->page_bytes == 2 * mib);
        CHECK(page->executable);
        CHECK_FALSE(page->writable);
        const auto alias = test::walk(words, plan.tables.begin, abi::physmap_base + at);
        REQUIRE(alias);
        CHECK_FALSE(alias->writable);
        for (const abi::PhysRange& range : plan.free()) CHECK_FALSE(in(at, range));
    }
    CHECK_FALSE(test::walk(words, plan.tables.begin, 0x801000));
}

TEST_CASE("the supervisor map holds all memory for ring 0 only") {
    const Space space(64 * mib);
    for (const std::uint64_t gpa : {std::uint64_t{0}, space.plan.tables.begin, std::uint64_t{0x402000}, 64 * mib - 1}) {
        const auto page = space.supervisor(gpa);
        REQUIRE(page);
        CHECK(page->phys == gpa);
        CHECK_FALSE(page->user);
        CHECK(page->writable);
        CHECK_FALSE(page->executable);
    }
    CHECK_FALSE(space.supervisor(64 * mib));
}

TEST_CASE("memory goes on behind the hole for registers, in giant pages") {
    const Space space(6 * gib);
    CHECK(space.physmap(3 * gib - 1));
    CHECK_FALSE(space.physmap(3 * gib));
    CHECK_FALSE(space.physmap(4 * gib - 1));
    CHECK(space.physmap(4 * gib)->page_bytes == gib);
    CHECK(space.physmap(7 * gib - 1));
    CHECK_FALSE(space.physmap(7 * gib));
    CHECK(space.supervisor(5 * gib)->page_bytes == gib);
    CHECK_FALSE(space.supervisor(3 * gib));
}

TEST_CASE("what a small program needs is mapped before it starts, each in its place and no further") {
    const Space space(64 * mib);
    const std::uint64_t stack_top = main_stack_end.value - 1;
    REQUIRE(space.walk(stack_top));
    CHECK(in(space.walk(stack_top)->phys, space.plan.main_stack));
    CHECK(space.walk(stack_top)->writable);
    CHECK_FALSE(space.walk(stack_top)->executable);
    CHECK_FALSE(space.walk(main_stack_end.value));
    CHECK_FALSE(space.walk(stack_top - abi::main_stack_ready_bytes));

    CHECK_FALSE(space.walk(abi::kernel_stack_region));  // its guard
    REQUIRE(space.walk(abi::kernel_stack_region + abi::page_size));
    CHECK(space.walk(abi::kernel_stack_region + abi::page_size)->phys == space.plan.kernel_stack.begin);
    CHECK_FALSE(space.walk(abi::kernel_stack_region + abi::page_size + abi::kernel_stack_bytes));

    REQUIRE(space.walk(space.plan.image.end));
    CHECK(space.walk(space.plan.image.end)->phys == space.plan.image.end);
    CHECK(space.walk(space.plan.image.end)->writable);
    CHECK_FALSE(space.walk(space.plan.image.end + abi::break_ready_bytes));
}
