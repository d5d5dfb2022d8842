// SPDX-License-Identifier: Apache-2.0
// Which memory of a foreign VMM's machine serves what.
//
//   MemoryPlan plan = plan_memory(start, image_range(), boot_info_bytes, vcpu_count, has_giant_pages);
//   ... pages of plan.descriptors, boot_info, vcpu_areas and tables lie one behind the other, below 4 GiB ...
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include <husk/abi/boot_info.hpp>
#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/boot/pvh_start_info.hpp"

namespace husk::boot::pvh {

// Sorted, without overlaps. What does not fit any more is left out.
class RangeList {
public:
    void add(abi::PhysRange range);
    // Takes `range` out of whatever contains a part of it.
    void remove(abi::PhysRange range);
    [[nodiscard]] const abi::PhysRange* begin() const { return ranges_.data(); }
    [[nodiscard]] const abi::PhysRange* end() const { return ranges_.data() + count_; }
    [[nodiscard]] std::size_t count() const { return count_; }

private:
    std::array<abi::PhysRange, 32> ranges_{};
    std::size_t count_ = 0;
};

struct MemoryPlan {
    RangeList ram;   // everything above the first MiB, in whole pages
    RangeList free;  // without the image and the runtime's own pages
    abi::PhysRange image{};
    std::uint32_t vcpu_count = 1;
    abi::PhysRange descriptors{};  // a page for each vCPU
    abi::PhysRange boot_info{};
    abi::PhysRange vcpu_areas{};
    abi::PhysRange tables{};  // the address space first, the rest is the table pool

    std::uint64_t low_page = 0;  // below 1 MiB, for the first code of other vCPUs; 0: there is none

    [[nodiscard]] abi::PhysRange own() const { return {descriptors.begin, tables.end}; }
    [[nodiscard]] std::uint64_t descriptors_of(std::uint32_t vcpu) const {
        return descriptors.begin + vcpu * abi::page_size;
    }
    [[nodiscard]] std::uint64_t area_of(std::uint32_t vcpu) const {
        return vcpu_areas.begin + vcpu * abi::vcpu_area::stride_bytes;
    }
};

// Nothing when no RAM is large enough, or the image does not lie in RAM. `start` has a memory map.
std::optional<MemoryPlan> plan_memory(const StartInfo& start, abi::PhysRange image, std::uint64_t boot_info_bytes,
                                      std::uint32_t vcpu_count, bool has_giant_pages);

}  // namespace husk::boot::pvh
