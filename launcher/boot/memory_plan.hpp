// SPDX-License-Identifier: Apache-2.0
// What lies where in guest-physical memory: the launcher's own pages, the image, and what is left to the guest.
//
//   0          unused, so that gpa 0 means "none"
//   16 KiB     the first kernel stack and the top of the main stack
//              vCPU areas, of few vCPUs
//              descriptor page of each vCPU
//              BootInfo and what it points to
//              queues of devices
//              page tables, then pages that may become page tables, up to
//   2 MiB      vCPU areas, of many vCPUs
//              the guest's, as everything that is not the image
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/guest_address.hpp>

#include "launcher/image/image.hpp"

namespace husk::boot {

inline constexpr std::uint64_t low_region_end = abi::large_page_size;

// BootInfo with arguments and environment; Linux's own limit for both is of this order.
inline constexpr std::uint64_t boot_info_max_bytes = 512u << 10;

// The areas of more vCPUs than that lie behind the low region, where 64 of them fit below any image.
inline constexpr std::uint32_t few_vcpus = 4;

// Page tables and table pool never get less than this.
inline constexpr std::uint64_t tables_min_bytes = 1u << 20;

struct MemoryPlan {
    std::uint64_t ram_bytes = 0;
    std::uint32_t vcpu_count = 0;
    abi::PhysRange kernel_stack{};
    abi::PhysRange main_stack{};  // its top
    abi::PhysRange vcpu_areas{};
    abi::PhysRange descriptors{};
    abi::PhysRange boot_info{};
    abi::PhysRange device_queues{};  // those that the launcher sets up
    std::uint32_t device_count = 0;  // register pages from abi::device_registers_base on
    abi::PhysRange tables{};
    abi::PhysRange break_ready{};  // behind the image
    abi::PhysRange image{};        // whole pages from the first segment to the last
    std::uint32_t free_range_count = 0;
    std::array<abi::PhysRange, 8> free_ranges{};  // best first

    // Of what is the launcher's.
    [[nodiscard]] std::uint64_t launcher_end() const { return std::max(low_region_end, vcpu_areas.end); }
    [[nodiscard]] abi::GuestPhys vcpu_area(std::uint32_t index) const;
    [[nodiscard]] std::span<const abi::PhysRange> free() const { return {free_ranges.data(), free_range_count}; }
};

struct DeviceNeeds {
    std::uint32_t count = 0;
    std::uint64_t queue_bytes = 0;  // of all, whole pages
};

// RAM at [0, ram_bytes), or with the MMIO hole left out. Throws host::Error: memory_too_small, bad_segments, usage.
[[nodiscard]] MemoryPlan plan_memory(std::span<const image::Segment> segments, std::uint64_t ram_bytes,
                                     std::uint32_t vcpu_count, std::uint64_t boot_info_bytes,
                                     const DeviceNeeds& devices = {});

}  // namespace husk::boot
