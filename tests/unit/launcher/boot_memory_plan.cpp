// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/memory_plan.hpp"

#include <doctest/doctest.h>

#include <husk/abi/memory_layout.hpp>
#include <vector>

#include "launcher/host/error.hpp"

using namespace husk;

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t gib = 1 << 30;

std::vector<image::Segment> one_segment(std::uint64_t begin, std::uint64_t memory_bytes) {
    return {{{begin}, 0, 0, memory_bytes, true, true, false}};
}

host::ExitCode code_of(std::uint64_t begin, std::uint64_t memory_bytes, std::uint64_t ram_bytes, std::uint32_t cpus = 1,
                       std::uint64_t boot_info_bytes = 1000) {
    try {
        static_cast<void>(boot::plan_memory(one_segment(begin, memory_bytes), ram_bytes, cpus, boot_info_bytes));
    } catch (const host::Error& error) {
        return error.code();
    }
    return host::ExitCode{0};
}

}  // namespace

TEST_CASE("the launcher's own ranges follow each other in the first 2 MiB, page 0 left out") {
    const auto plan = boot::plan_memory(one_segment(4 * mib, mib), 64 * mib, 3, 10'000);
    CHECK(plan.kernel_stack.begin >= abi::page_size);
    CHECK(plan.kernel_stack.end == plan.kernel_stack.begin + abi::kernel_stack_bytes);
    CHECK(plan.main_stack.begin == plan.kernel_stack.end);
    CHECK(plan.main_stack.end == plan.main_stack.begin + abi::main_stack_ready_bytes);
    CHECK(plan.vcpu_areas.begin == plan.main_stack.end);
    CHECK(plan.vcpu_area(2).value + abi::vcpu_area::stride_bytes == plan.vcpu_areas.end);
    CHECK(plan.descriptors.begin == plan.vcpu_areas.end);
    CHECK(plan.descriptors.end == plan.descriptors.begin + 3 * abi::page_size);
    CHECK(plan.boot_info.begin == plan.descriptors.end);
    CHECK(plan.boot_info.end == plan.boot_info.begin + 3 * abi::page_size);
    CHECK(plan.tables.begin == plan.boot_info.end);
    CHECK(plan.tables.end == 2 * mib);
    CHECK(plan.tables.end - plan.tables.begin >= mib);
}

TEST_CASE("the areas of many vCPUs lie behind the first 2 MiB, all 64 of them below the lowest image") {
    const auto plan = boot::plan_memory(one_segment(4 * mib, mib), 64 * mib, 64, 10'000);
    CHECK(plan.vcpu_areas.begin == 2 * mib);
    CHECK(plan.vcpu_areas.end == 4 * mib);
    CHECK(plan.vcpu_area(63).value + abi::vcpu_area::stride_bytes == 4 * mib);
    CHECK(plan.descriptors.begin == plan.main_stack.end);
    CHECK(plan.descriptors.end == plan.descriptors.begin + 64 * abi::page_size);
    for (const abi::PhysRange& range : plan.free()) CHECK((range.begin >= 4 * mib && range.end > range.begin));
    CHECK(boot::plan_memory(one_segment(4 * mib, mib), 64 * mib, 5, 10'000).free()[1].begin ==
          2 * mib + 5 * abi::vcpu_area::stride_bytes);
    CHECK(code_of(4 * mib, mib, 64 * mib, 65) == host::ExitCode::usage);
}

TEST_CASE("everything but the launcher's pages and the image is free, the rest of the image's large page first") {
    const auto plan = boot::plan_memory(one_segment(4 * mib + 0x123, 3 * mib), 6 * gib, 1, 1000);
    CHECK(plan.image.begin == 4 * mib);
    CHECK(plan.image.end == 7 * mib + abi::page_size);
    REQUIRE(plan.free_range_count == 4);
    const auto free = plan.free();
    CHECK((free[0].begin == plan.image.end && free[0].end == 8 * mib));
    CHECK((free[1].begin == 2 * mib && free[1].end == 4 * mib));
    CHECK((free[2].begin == 8 * mib && free[2].end == 3 * gib));
    CHECK((free[3].begin == 4 * gib && free[3].end == 7 * gib));
}

TEST_CASE("the break that is ready follows the image, in the first free range") {
    for (const std::uint64_t image_bytes : {2 * mib, 2 * mib - 0x1000, mib}) {
        const auto plan = boot::plan_memory(one_segment(2 * mib, image_bytes), 64 * mib, 1, 1000);
        CHECK(plan.break_ready.begin == plan.image.end);
        CHECK(plan.break_ready.end == plan.image.end + abi::break_ready_bytes);
        REQUIRE(plan.free_range_count == 2);
        CHECK(plan.free()[0].begin == plan.image.end);
        CHECK(plan.free()[0].end >= plan.break_ready.end);
        CHECK(plan.free()[1].begin == plan.free()[0].end);
        CHECK(plan.free()[1].end == 64 * mib);
    }
}

TEST_CASE("what does not fit is refused with the code that says why") {
    using host::ExitCode;
    CHECK(code_of(4 * mib, mib, 64 * mib) == ExitCode{0});
    CHECK(code_of(mib, mib, 64 * mib) == ExitCode::bad_segments);
    CHECK(code_of(3 * gib - mib, 2 * mib, 64 * gib) == ExitCode::bad_segments);
    CHECK(code_of(4 * mib, 100 * mib, 64 * mib) == ExitCode::memory_too_small);
    CHECK(code_of(4 * mib, mib, 6 * mib) == ExitCode::memory_too_small);
    CHECK(code_of(4 * mib, mib, 64 * mib, 1, 513 << 10) == ExitCode::usage);
    CHECK(code_of(4 * mib, mib, 64 * mib, 1000) == ExitCode::usage);
}
