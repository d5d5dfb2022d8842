// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/memory_plan.hpp"

#include <algorithm>
#include <string>

#include <husk/abi/memory_layout.hpp>

#include "launcher/host/error.hpp"

namespace husk::boot {

namespace {

// Heap, stacks and RAM file system of the smallest program.
constexpr std::uint64_t least_free_bytes = 2ull << 20;

// A shadow page fault also brings in the neighbours of its page in such a block, from its beginning to the first page
// that is not mapped. So what is used at the start shares as few blocks as possible.
constexpr std::uint64_t fault_block_bytes = 8 * abi::page_size;

abi::PhysRange image_range(std::span<const image::Segment> segments) {
    abi::PhysRange range{UINT64_MAX, 0};
    for (const image::Segment& segment : segments) {
        range.begin = std::min(range.begin, abi::align_down(segment.begin.value, abi::page_size));
        range.end = std::max(range.end, abi::align_up(segment.begin.value + segment.memory_bytes, abi::page_size));
    }
    return range;
}

void check_image(abi::PhysRange image, std::uint64_t ram_bytes) {
    if (image.begin < low_region_end || image.begin >= image.end)
        throw host::Error(
            host::ExitCode::bad_segments,
            "the image has a segment below 2 MiB, where the launcher's tables lie: link it at 4 MiB or above");
    if (image.end > abi::mmio_hole_begin)
        throw host::Error(host::ExitCode::bad_segments,
                          "the image has a segment above 3 GiB, where no guest memory can be: link it lower");
    const std::uint64_t needed = image.end + least_free_bytes;
    if (ram_bytes < needed)
        throw host::Error(host::ExitCode::memory_too_small,
                          "the image needs at least " + std::to_string((needed >> 20) + 1) + " MiB of memory and has " +
                              std::to_string(ram_bytes >> 20) + ": give it more with --memory");
}

void add_free(MemoryPlan& plan, std::uint64_t begin, std::uint64_t end) {
    if (begin < end) plan.free_ranges[plan.free_range_count++] = {begin, end};
}

}  // namespace

abi::GuestPhys MemoryPlan::vcpu_area(std::uint32_t index) const {
    return {vcpu_areas.begin + index * abi::vcpu_area::stride_bytes};
}

MemoryPlan plan_memory(std::span<const image::Segment> segments, std::uint64_t ram_bytes, std::uint32_t vcpu_count,
                       std::uint64_t boot_info_bytes, const DeviceNeeds& devices) {
    if (boot_info_bytes > boot_info_max_bytes)
        throw host::Error(host::ExitCode::usage, "arguments and environment take " +
                                                     std::to_string(boot_info_bytes >> 10) + " KiB: at most " +
                                                     std::to_string(boot_info_max_bytes >> 10) + " KiB are possible");
    MemoryPlan plan;
    plan.ram_bytes = ram_bytes;
    plan.vcpu_count = vcpu_count;
    plan.image = image_range(segments);
    check_image(plan.image, ram_bytes);

    plan.kernel_stack = {abi::kernel_stack_bytes, 2 * abi::kernel_stack_bytes};
    plan.main_stack = {plan.kernel_stack.end, plan.kernel_stack.end + abi::main_stack_ready_bytes};
    const bool has_few_vcpus = vcpu_count <= few_vcpus;
    const std::uint64_t areas_begin = has_few_vcpus ? plan.main_stack.end : low_region_end;
    plan.vcpu_areas = {areas_begin, areas_begin + vcpu_count * abi::vcpu_area::stride_bytes};
    static_assert(2 * abi::kernel_stack_bytes % fault_block_bytes == 0 &&
                  abi::main_stack_ready_bytes % fault_block_bytes == 0 &&
                  abi::vcpu_area::stride_bytes == fault_block_bytes);
    const std::uint64_t descriptors_begin = has_few_vcpus ? plan.vcpu_areas.end : plan.main_stack.end;
    plan.descriptors = {descriptors_begin, descriptors_begin + vcpu_count * abi::page_size};
    plan.boot_info = {plan.descriptors.end, plan.descriptors.end + abi::align_up(boot_info_bytes, abi::page_size)};
    plan.device_queues = {plan.boot_info.end, plan.boot_info.end + devices.queue_bytes};
    plan.device_count = devices.count;
    plan.tables = {plan.device_queues.end, low_region_end};
    if (plan.tables.begin + tables_min_bytes > low_region_end || plan.launcher_end() > plan.image.begin)
        throw host::Error(host::ExitCode::usage, std::to_string(vcpu_count) + " virtual CPUs with " +
                                                     std::to_string(devices.count) + " devices are more than fit");

    // First what shares a large page with the image: it is backed already.
    const std::uint64_t low_ram_end = std::min(ram_bytes, abi::mmio_hole_begin);
    const std::uint64_t shared_end =
        std::min(abi::align_up(plan.image.end + abi::break_ready_bytes, abi::large_page_size), low_ram_end);
    plan.break_ready = {plan.image.end, std::min(plan.image.end + abi::break_ready_bytes, shared_end)};
    add_free(plan, plan.image.end, shared_end);
    add_free(plan, plan.launcher_end(), plan.image.begin);
    add_free(plan, shared_end, low_ram_end);
    if (ram_bytes > low_ram_end) add_free(plan, abi::mmio_hole_end, abi::mmio_hole_end + (ram_bytes - low_ram_end));
    return plan;
}

}  // namespace husk::boot
