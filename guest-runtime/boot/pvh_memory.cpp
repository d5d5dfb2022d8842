// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_memory.hpp"

#include <algorithm>
#include <string_view>

#include <husk/abi/guest_address.hpp>
#include <husk/abi/machine.hpp>
#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/base/insertion_sort.hpp"
namespace husk::boot::pvh {

namespace {

// Below lie the firmware's data, video memory and ROMs.
constexpr std::uint64_t low_end = 1ull << 20;
constexpr std::uint64_t pool_tables = 192;

abi::PhysRange pages_around(std::uint64_t begin, std::uint64_t size_bytes) {
    return {abi::align_down(begin, abi::page_size), abi::align_up(begin + size_bytes, abi::page_size)};
}

RangeList read_ram(const StartInfo& start) {
    RangeList ram;
    const auto* entries = pointer_to<const MemoryEntry>(start.memory_map);
    for (std::uint32_t i = 0; i < start.memory_entry_count; ++i) {
        const MemoryEntry& entry = entries[i];
        if (entry.type != memory_type_ram || entry.size_bytes > UINT64_MAX - entry.begin) continue;
        ram.add({std::max(low_end, abi::align_up(entry.begin, abi::page_size)),
                 abi::align_down(entry.begin + entry.size_bytes, abi::page_size)});
    }
    return ram;
}

// Takes what the VMM put into RAM out of `from`, as long as it is still to be read.
void remove_handed_over(const StartInfo& start, RangeList& from) {
    // SAFETY: an address only.
    from.remove(pages_around(reinterpret_cast<std::uint64_t>(&start), sizeof start));
    from.remove(pages_around(start.memory_map, start.memory_entry_count * sizeof(MemoryEntry)));
    if (start.command_line != 0) {
        from.remove(
            pages_around(start.command_line, std::string_view(pointer_to<const char>(start.command_line)).size() + 1));
    }
}

// A page that is RAM and holds nothing that the VMM has handed over.
std::uint64_t find_low_page(const StartInfo& start) {
    constexpr std::uint64_t first = 0x1000, last = 0x9'f000;
    RangeList low;
    const auto* entries = pointer_to<const MemoryEntry>(start.memory_map);
    for (std::uint32_t i = 0; i < start.memory_entry_count; ++i) {
        const MemoryEntry& entry = entries[i];
        if (entry.type != memory_type_ram || entry.size_bytes > UINT64_MAX - entry.begin) continue;
        low.add({std::max(first, abi::align_up(entry.begin, abi::page_size)),
                 std::min(last, abi::align_down(entry.begin + entry.size_bytes, abi::page_size))});
    }
    remove_handed_over(start, low);
    return low.count() != 0 ? low.begin()->begin : 0;
}

// Page tables for the image page by page, and for all RAM twice in large pages, with small ones where permissions
// change.
std::uint64_t tables_needed(const MemoryPlan& plan, bool has_giant_pages) {
    constexpr std::uint64_t upper_levels = 8, per_edge = 2;
    std::uint64_t count = upper_levels + (plan.image.end - plan.image.begin) / abi::large_page_size + 2;
    std::uint64_t edges = 2 * plan.ram.count() + 24 + 4 * plan.vcpu_count;
    for (const abi::PhysRange& range : plan.ram) {
        std::uint64_t gibibytes = (range.end - range.begin) / abi::giant_page_size + 2;
        count += 2 * (has_giant_pages ? 2 + gibibytes / abi::pte::entries : gibibytes + gibibytes / abi::pte::entries);
    }
    return count + per_edge * edges;
}

}  // namespace

void RangeList::add(abi::PhysRange range) {
    if (range.begin >= range.end) return;
    remove(range);
    if (count_ == ranges_.size()) return;
    ranges_[count_++] = range;
    insertion_sort(std::span(ranges_).first(count_),
                   [](const abi::PhysRange& a, const abi::PhysRange& b) { return a.begin < b.begin; });
    // What touches becomes one.
    std::size_t kept = 0;
    for (std::size_t i = 1; i < count_; ++i) {
        if (ranges_[i].begin == ranges_[kept].end) {
            ranges_[kept].end = ranges_[i].end;
        } else {
            ranges_[++kept] = ranges_[i];
        }
    }
    count_ = kept + 1;
}

void RangeList::remove(abi::PhysRange range) {
    RangeList rest;
    for (const abi::PhysRange& part : *this) {
        for (abi::PhysRange piece : {abi::PhysRange{part.begin, std::min(part.end, range.begin)},
                                     abi::PhysRange{std::max(part.begin, range.end), part.end}}) {
            if (piece.begin < piece.end && rest.count_ < rest.ranges_.size()) rest.ranges_[rest.count_++] = piece;
        }
    }
    *this = rest;
}

std::optional<MemoryPlan> plan_memory(const StartInfo& start, abi::PhysRange image, std::uint64_t boot_info_bytes,
                                      std::uint32_t vcpu_count, bool has_giant_pages) {
    MemoryPlan plan;
    plan.low_page = find_low_page(start);
    if (plan.low_page == 0) vcpu_count = 1;
    plan.vcpu_count = vcpu_count;
    plan.ram = read_ram(start);
    plan.image = image;
    bool image_in_ram = std::any_of(plan.ram.begin(), plan.ram.end(), [&](const abi::PhysRange& range) {
        return range.begin <= image.begin && image.end <= range.end;
    });
    if (!image_in_ram) return std::nullopt;
    plan.free = plan.ram;
    plan.free.remove(image);

    RangeList untouched = plan.free;
    remove_handed_over(start, untouched);
    std::uint64_t descriptors_end = vcpu_count * abi::page_size;
    std::uint64_t boot_info_end = descriptors_end + abi::align_up(boot_info_bytes, abi::page_size);
    std::uint64_t area_end = boot_info_end + vcpu_count * abi::vcpu_area::stride_bytes;
    std::uint64_t tables = tables_needed(plan, has_giant_pages) + pool_tables;
    std::uint64_t total = area_end + tables * abi::page_size;
    for (const abi::PhysRange& range : untouched) {
        if (range.end - range.begin < total || range.begin + total > identity_end) continue;
        std::uint64_t at = range.begin;
        plan.descriptors = {at, at + descriptors_end};
        plan.boot_info = {plan.descriptors.end, at + boot_info_end};
        plan.vcpu_areas = {plan.boot_info.end, at + area_end};
        plan.tables = {plan.vcpu_areas.end, at + total};
        plan.free.remove(plan.own());
        return plan;
    }
    return std::nullopt;
}

}  // namespace husk::boot::pvh
