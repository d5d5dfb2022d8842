// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_memory.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <vector>

#include <doctest/doctest.h>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/memory_layout.hpp>

using namespace husk;
using namespace husk::boot::pvh;
using abi::PhysRange;

namespace {

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr PhysRange image{4 * mebibyte, 5 * mebibyte};
constexpr std::uint64_t boot_info_bytes = 8000;

bool is_list(const RangeList& list, const std::vector<PhysRange>& expected) {
    return std::equal(list.begin(), list.end(), expected.begin(), expected.end(),
                      [](const PhysRange& a, const PhysRange& b) { return a.begin == b.begin && a.end == b.end; });
}

// A start info whose gpas are host addresses; nothing follows them but reads.
struct Handover {
    explicit Handover(std::vector<MemoryEntry> map) : entries(std::move(map)) {
        info.magic = start_info_magic;
        info.version = version_with_memory_map;
        info.memory_map = reinterpret_cast<std::uint64_t>(entries.data());
        info.memory_entry_count = static_cast<std::uint32_t>(entries.size());
    }
    std::vector<MemoryEntry> entries;
    StartInfo info{};
};

std::vector<MemoryEntry> pc_memory(std::uint64_t bytes) {
    return {
        {0, 0x9fc00, memory_type_ram, 0}, {0xf0000, 0x10000, 2, 0}, {mebibyte, bytes - mebibyte, memory_type_ram, 0}};
}

bool overlap(const PhysRange& a, const PhysRange& b) { return a.begin < b.end && b.begin < a.end; }

}  // namespace

TEST_CASE("ranges stay sorted and apart, and join where they touch") {
    RangeList list;
    list.add({30, 40});
    list.add({10, 20});
    list.add({20, 25});
    CHECK(is_list(list, {{10, 25}, {30, 40}}));
    list.add({22, 35});
    CHECK(is_list(list, {{10, 40}}));
    list.add({50, 50});
    CHECK(list.count() == 1);
    list.remove({15, 20});
    CHECK(is_list(list, {{10, 15}, {20, 40}}));
    list.remove({0, 12});
    list.remove({38, 60});
    CHECK(is_list(list, {{12, 15}, {20, 38}}));
    list.remove({0, 100});
    CHECK(list.count() == 0);
}

TEST_CASE("each of several CPUs has a descriptor page and an area, and there is a low page for their first code") {
    Handover handover(pc_memory(256 * mebibyte));
    auto plan = plan_memory(handover.info, image, boot_info_bytes, 3, true);
    REQUIRE(plan);
    CHECK(plan->vcpu_count == 3);
    CHECK(plan->low_page != 0);
    CHECK(plan->low_page < mebibyte);
    CHECK(plan->low_page % abi::page_size == 0);
    CHECK(plan->descriptors_of(3) == plan->boot_info.begin);
    CHECK(plan->area_of(0) == plan->boot_info.end);
    CHECK(plan->area_of(3) == plan->tables.begin);
}

TEST_CASE("the runtime's own pages lie one behind the other, apart from the image and from free memory") {
    Handover handover(pc_memory(256 * mebibyte));
    auto plan = plan_memory(handover.info, image, boot_info_bytes, 1, true);
    REQUIRE(plan);
    CHECK(is_list(plan->ram, {{mebibyte, 256 * mebibyte}}));
    CHECK(plan->descriptors.begin >= mebibyte);
    CHECK(plan->boot_info.begin == plan->descriptors.end);
    CHECK(plan->vcpu_areas.begin == plan->boot_info.end);
    CHECK(plan->tables.begin == plan->vcpu_areas.end);
    CHECK(plan->boot_info.end - plan->boot_info.begin >= boot_info_bytes);
    CHECK(plan->vcpu_areas.end - plan->vcpu_areas.begin == abi::vcpu_area::stride_bytes);
    CHECK_FALSE(overlap(plan->own(), image));
    std::uint64_t free_bytes = 0;
    for (const PhysRange& range : plan->free) {
        CHECK_FALSE(overlap(range, image));
        CHECK_FALSE(overlap(range, plan->own()));
        free_bytes += range.end - range.begin;
    }
    std::uint64_t own_bytes = plan->own().end - plan->own().begin;
    CHECK(free_bytes == 255 * mebibyte - (image.end - image.begin) - own_bytes);
}

TEST_CASE("what the VMM handed over is not written on, and is free memory afterwards") {
    // Memory below 4 GiB of the host's stands for the guest's, so that the records can lie in it.
    constexpr std::uint64_t bytes = 32 * mebibyte;
    void* low = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    REQUIRE(low != MAP_FAILED);
    auto begin = reinterpret_cast<std::uint64_t>(low);
    auto* command_line = static_cast<char*>(low) + 3 * abi::page_size;
    std::fill_n(command_line, 5000, 'x');
    auto* info = new (low) StartInfo{};
    Handover handover({{begin, bytes, memory_type_ram, 0}});
    *info = handover.info;
    info->command_line = reinterpret_cast<std::uint64_t>(command_line);

    auto plan = plan_memory(*info, {begin + 16 * mebibyte, begin + 17 * mebibyte}, boot_info_bytes, 1, true);
    REQUIRE(plan);
    CHECK_FALSE(overlap(plan->own(), {begin, begin + sizeof(StartInfo)}));
    CHECK_FALSE(overlap(plan->own(), {info->command_line, info->command_line + 5001}));
    CHECK(std::any_of(plan->free.begin(), plan->free.end(), [&](const PhysRange& range) {
        return range.begin <= begin && begin + 5 * abi::page_size <= range.end;
    }));
    munmap(low, bytes);
}

TEST_CASE("a machine that is too small, or has no RAM where the image lies, is refused") {
    CHECK_FALSE(plan_memory(Handover(pc_memory(3 * mebibyte)).info, image, boot_info_bytes, 1, true));
    CHECK_FALSE(plan_memory(
        Handover({{mebibyte, 2 * mebibyte, memory_type_ram, 0}, {1ull << 32, 64 * mebibyte, memory_type_ram, 0}}).info,
        image, boot_info_bytes, 1, true));
    CHECK(plan_memory(Handover(pc_memory(16 * mebibyte)).info, image, boot_info_bytes, 1, false));
}

TEST_CASE("more memory means more page tables, many more without 1 GiB pages") {
    auto tables = [](std::uint64_t bytes, bool has_giant_pages) {
        Handover handover(pc_memory(bytes));
        auto plan = plan_memory(handover.info, image, boot_info_bytes, 1, has_giant_pages);
        REQUIRE(plan);
        return (plan->tables.end - plan->tables.begin) / abi::page_size;
    };
    constexpr std::uint64_t gibibytes = 64;
    CHECK(tables(gibibytes << 30, false) >= tables(1 << 30, false) + 2 * (gibibytes - 1));
    CHECK(tables(gibibytes << 30, true) <= tables(1 << 30, true) + gibibytes);
}
