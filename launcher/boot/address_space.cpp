// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/address_space.hpp"

#include <algorithm>

#include <husk/abi/device_record.hpp>
#include <husk/abi/memory_layout.hpp>

namespace husk::boot {

namespace {

namespace area = abi::vcpu_area;

constexpr Access read_only{.user = true, .writable = false, .executable = false};
constexpr Access read_write{.user = true, .writable = true, .executable = false};
constexpr Access supervisor{.user = false, .writable = true, .executable = false};

abi::PhysRange pages_of(const image::Segment& segment) {
    return {abi::align_down(segment.begin.value, abi::page_size),
            abi::align_up(segment.begin.value + segment.memory_bytes, abi::page_size)};
}

// Code that has its last large page to itself gets the whole of it: one entry instead of hundreds, each of which would
// be a fault of its own on shadow paging.
abi::PhysRange mapped_pages_of(std::span<const image::Segment> segments, std::size_t index) {
    abi::PhysRange pages = pages_of(segments[index]);
    const std::uint64_t large_end = abi::align_up(pages.end, abi::large_page_size);
    const bool is_alone = index + 1 < segments.size() && pages_of(segments[index + 1]).begin >= large_end &&
                          pages.begin <= large_end - abi::large_page_size;
    if (segments[index].executable && is_alone) pages.end = large_end;
    return pages;
}

class Mapper {
public:
    explicit Mapper(PageTableBuilder& tables) : tables_(tables) {}

    void identity(abi::PhysRange range, Access access) { map(0, range, access, PageSize::large); }
    void at(std::uint64_t va, abi::PhysRange range) { map(va - range.begin, range, read_write, PageSize::small); }
    void physmap(abi::PhysRange range, Access access) { map(abi::physmap_base, range, access, PageSize::giant); }
    void registers(abi::PhysRange range) { map(abi::physmap_base, range, read_write, PageSize::small); }
    void supervisor_map(abi::PhysRange range) { map(abi::supervisor_map_base, range, supervisor, PageSize::giant); }
    [[nodiscard]] bool fits() const { return fits_; }

private:
    void map(std::uint64_t offset, abi::PhysRange range, Access access, PageSize largest) {
        if (range.begin >= range.end || !fits_) return;
        fits_ = tables_.map({offset + range.begin}, {range.begin}, range.end - range.begin, access, largest);
    }

    PageTableBuilder& tables_;
    bool fits_ = true;
};

// Pages 1 and 3 of an area are guards and stay out.
void map_vcpu_areas(Mapper& mapper, const MemoryPlan& plan) {
    for (std::uint32_t index = 0; index < plan.vcpu_count; ++index) {
        const std::uint64_t begin = plan.vcpu_area(index).value;
        mapper.physmap({begin, begin + abi::page_size}, read_write);
        mapper.physmap({begin + area::ring0_stack_begin, begin + area::ring0_stack_end}, read_write);
        mapper.physmap({begin + area::boot_stack_begin, begin + area::boot_stack_end}, read_write);
    }
}

// Everything behind what is the launcher's, the image's constant pages read-only there too: no alias may undo W^X.
void map_other_ram(Mapper& mapper, const MemoryPlan& plan, std::span<const image::Segment> segments) {
    std::uint64_t at = plan.launcher_end();
    for (std::size_t i = 0; i < segments.size(); ++i) {
        if (segments[i].writable) continue;
        const abi::PhysRange pages = mapped_pages_of(segments, i);
        mapper.physmap({at, pages.begin}, read_write);
        mapper.physmap(pages, read_only);
        at = pages.end;
    }
    mapper.physmap({at, std::min(plan.ram_bytes, abi::mmio_hole_begin)}, read_write);
}

}  // namespace

bool map_address_space(PageTableBuilder& tables, const MemoryPlan& plan, std::span<const image::Segment> segments,
                       abi::GuestVirt main_stack_end) {
    Mapper mapper(tables);
    for (std::size_t i = 0; i < segments.size(); ++i)
        mapper.identity(mapped_pages_of(segments, i),
                        {.user = true, .writable = segments[i].writable, .executable = segments[i].executable});

    mapper.at(plan.break_ready.begin, plan.break_ready);
    mapper.at(abi::kernel_stack_region + abi::page_size, plan.kernel_stack);
    mapper.at(main_stack_end.value - abi::main_stack_ready_bytes, plan.main_stack);

    mapper.physmap({plan.kernel_stack.begin, plan.main_stack.end}, read_write);
    map_vcpu_areas(mapper, plan);
    mapper.physmap({plan.descriptors.begin, plan.boot_info.end}, read_only);
    mapper.physmap(plan.device_queues, read_write);
    mapper.physmap(plan.tables, read_only);
    map_other_ram(mapper, plan, segments);
    mapper.registers(
        {abi::device_registers_base, abi::device_registers_base + std::uint64_t{plan.device_count} * abi::page_size});
    mapper.supervisor_map({0, std::min(plan.ram_bytes, abi::mmio_hole_begin)});

    if (plan.ram_bytes > abi::mmio_hole_begin) {
        const abi::PhysRange high{abi::mmio_hole_end, abi::mmio_hole_end + (plan.ram_bytes - abi::mmio_hole_begin)};
        mapper.physmap(high, read_write);
        mapper.supervisor_map(high);
    }
    return mapper.fits();
}

}  // namespace husk::boot
