// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_address_space.hpp"

#include <algorithm>
#include <array>

#include <elf.h>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/interrupts.hpp"
#include "guest-runtime/base/insertion_sort.hpp"
#include "guest-runtime/boot/own_image.hpp"
#include "guest-runtime/drivers/io_apic.hpp"
#include "guest-runtime/drivers/local_apic.hpp"

namespace husk::boot::pvh {

namespace {

namespace area = abi::vcpu_area;

abi::PhysRange pages_of(const Elf64_Phdr& header) {
    return {abi::align_down(header.p_vaddr, abi::page_size),
            abi::align_up(header.p_vaddr + header.p_memsz, abi::page_size)};
}

abi::PhysRange page_at(std::uint64_t gpa) { return {gpa, gpa + abi::page_size}; }

// What a wrong kernel line may say.
bool overlaps_ram(const MemoryPlan& plan, std::uint64_t page) {
    return std::any_of(plan.ram.begin(), plan.ram.end(), [page](const abi::PhysRange& range) {
        return page + abi::page_size > range.begin && page < range.end;
    });
}

bool is_loaded(const Elf64_Phdr& header) { return header.p_type == PT_LOAD && header.p_memsz != 0; }

// Parts of the physmap that are not simply readable and writable, in any order.
class Exceptions {
public:
    void add(abi::PhysRange range, std::uint64_t bits) {
        if (range.begin < range.end && count_ < parts_.size()) parts_[count_++] = {range, bits};
    }
    void sort() {
        insertion_sort(std::span(parts_).first(count_),
                       [](const Part& a, const Part& b) { return a.range.begin < b.range.begin; });
    }
    // Maps a range of RAM, which contains each exception as a whole or not at all.
    void map_physmap(PageTables& tables, abi::PhysRange ram) const {
        for (std::size_t i = 0; i < count_; ++i) {
            const Part& part = parts_[i];
            if (part.range.begin < ram.begin || part.range.end > ram.end) continue;
            tables.map(abi::physmap_base, {ram.begin, part.range.begin}, access::read_write);
            if (part.bits != 0) tables.map(abi::physmap_base, part.range, part.bits);
            ram.begin = part.range.end;
        }
        tables.map(abi::physmap_base, ram, access::read_write);
    }

private:
    struct Part {
        abi::PhysRange range;
        std::uint64_t bits;  // 0: not mapped
    };
    std::array<Part, 32 + 2 * arch::most_interrupted_vcpus> parts_{};
    std::size_t count_ = 0;
};

void add_own_pages(Exceptions& exceptions, const MemoryPlan& plan) {
    exceptions.add({plan.descriptors.begin, plan.boot_info.end}, access::read_only);
    for (std::uint32_t vcpu = 0; vcpu < plan.vcpu_count; ++vcpu) {
        std::uint64_t begin = plan.area_of(vcpu);
        exceptions.add({begin + abi::page_size, begin + area::ring0_stack_begin}, 0);
        exceptions.add({begin + area::ring0_stack_end, begin + area::boot_stack_begin}, 0);
    }
    exceptions.add(plan.tables, access::read_only);
}

}  // namespace

abi::PhysRange image_range() {
    abi::PhysRange range{UINT64_MAX, 0};
    for (const Elf64_Phdr& header : program_headers()) {
        if (!is_loaded(header)) continue;
        range.begin = std::min(range.begin, pages_of(header).begin);
        range.end = std::max(range.end, pages_of(header).end);
    }
    return range;
}

void map_address_space(PageTables& tables, const MemoryPlan& plan, const KernelLine& line) {
    Exceptions exceptions;
    add_own_pages(exceptions, plan);
    for (const Elf64_Phdr& header : program_headers()) {
        if (!is_loaded(header)) continue;
        bool is_writable = (header.p_flags & PF_W) != 0;
        bool is_code = (header.p_flags & PF_X) != 0;
        std::uint64_t bits = is_writable ? access::read_write : is_code ? access::execute : access::read_only;
        tables.map(0, pages_of(header), bits, true);
        if (!is_writable) exceptions.add(pages_of(header), access::read_only);
    }
    exceptions.sort();
    for (const abi::PhysRange& range : plan.ram) {
        exceptions.map_physmap(tables, range);
        tables.map(abi::supervisor_map_base, range, access::supervisor);
    }
    tables.map(abi::physmap_base, page_at(local_apic::registers), access::device, true);
    for (std::uint64_t registers : {io_apic::registers, io_apic::second_registers}) {
        tables.map(abi::supervisor_map_base, page_at(registers), access::supervisor_device, true);
    }
    for (const DeviceWord& device : std::span(line.devices).first(line.device_count)) {
        // Mapping a page again changes nothing.
        std::uint64_t page = abi::align_down(device.registers, abi::page_size);
        if (!overlaps_ram(plan, page)) tables.map(abi::physmap_base, page_at(page), access::device, true);
    }
}

}  // namespace husk::boot::pvh
