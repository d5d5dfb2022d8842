// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_cpus.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/boot/pvh_description_tables.hpp"

namespace husk::boot::pvh {

namespace {

bool adds_up_to_zero(std::uint64_t at, std::size_t size_bytes) {
    std::span bytes(pointer_to<const std::uint8_t>(at), size_bytes);
    return std::accumulate(bytes.begin(), bytes.end(), std::uint8_t{0}, [](std::uint8_t sum, std::uint8_t byte) {
               return static_cast<std::uint8_t>(sum + byte);
           }) == 0;
}

template <class T>
T read(std::uint64_t at) {
    T value;
    memcpy(&value, pointer_to<const void>(at), sizeof value);
    return value;
}

bool is_reachable(std::uint64_t at, std::uint64_t size_bytes) {
    return at != 0 && at < identity_end && size_bytes <= identity_end - at;
}

// An ACPI table whose length and sum are right.
std::optional<acpi::TableHeader> table_at(std::uint64_t at) {
    if (!is_reachable(at, sizeof(acpi::TableHeader))) return std::nullopt;
    auto header = read<acpi::TableHeader>(at);
    bool is_whole = header.size_bytes >= sizeof header && is_reachable(at, header.size_bytes);
    if (!is_whole || !adds_up_to_zero(at, header.size_bytes)) return std::nullopt;
    return header;
}

std::uint64_t find_madt(std::uint64_t root, std::size_t pointer_bytes) {
    auto header = table_at(root);
    if (!header) return 0;
    for (std::uint64_t at = root + sizeof *header; at + pointer_bytes <= root + header->size_bytes;
         at += pointer_bytes) {
        std::uint64_t table = pointer_bytes == 8 ? read<std::uint64_t>(at) : read<std::uint32_t>(at);
        auto found = table_at(table);
        if (found && std::string_view(found->signature, 4) == acpi::madt_signature) return table;
    }
    return 0;
}

void add_from_madt(std::uint64_t madt, CpuList& cpus) {
    std::uint64_t end = madt + read<acpi::TableHeader>(madt).size_bytes;
    for (std::uint64_t at = madt + acpi::madt_entries_offset; at + 2 <= end;) {
        auto kind = read<std::uint8_t>(at);
        auto size_bytes = read<std::uint8_t>(at + 1);
        if (size_bytes < 2 || at + size_bytes > end) return;
        if (kind == acpi::LocalApic::kind && size_bytes >= sizeof(acpi::LocalApic)) {
            auto entry = read<acpi::LocalApic>(at);
            if ((entry.flags & acpi::LocalApic::enabled) != 0) cpus.add(entry.apic);
        }
        at += size_bytes;
    }
}

void add_from_acpi(const StartInfo& start, CpuList& cpus) {
    if (!is_reachable(start.rsdp, sizeof(acpi::RootPointer))) return;
    auto root = read<acpi::RootPointer>(start.rsdp);
    if (std::string_view(root.signature, 8) != acpi::root_signature) return;
    bool has_long_pointers = root.revision >= 2 && root.xsdt != 0;
    std::uint64_t madt = has_long_pointers ? find_madt(root.xsdt, 8) : find_madt(root.rsdt, 4);
    if (madt != 0) add_from_madt(madt, cpus);
}

// The floating pointer lies in the first KiB of the extended BIOS data, the last KiB of low memory or the BIOS's own
// segment, on a border of 16 bytes [mp 4].
std::uint64_t find_mp_pointer() {
    struct Range {
        std::uint64_t begin, end;
    };
    for (Range range : {Range{0x9'fc00, 0xa'0000}, Range{0xf'0000, 0x10'0000}}) {
        for (std::uint64_t at = range.begin; at < range.end; at += 16) {
            auto pointer = read<mp::FloatingPointer>(at);
            if (std::string_view(pointer.signature, 4) == mp::pointer_signature && adds_up_to_zero(at, sizeof pointer))
                return at;
        }
    }
    return 0;
}

void add_from_mp_table(CpuList& cpus) {
    std::uint64_t pointer = find_mp_pointer();
    if (pointer == 0) return;
    std::uint64_t table = read<mp::FloatingPointer>(pointer).table;
    if (!is_reachable(table, sizeof(mp::TableHeader))) return;
    auto header = read<mp::TableHeader>(table);
    bool is_table =
        std::string_view(header.signature, 4) == mp::table_signature && is_reachable(table, header.size_bytes);
    if (!is_table || !adds_up_to_zero(table, header.size_bytes)) return;
    std::uint64_t at = table + sizeof header;
    for (unsigned i = 0; i < header.entry_count && at < table + header.size_bytes; ++i) {
        bool is_processor = read<std::uint8_t>(at) == mp::Processor::kind;
        if (is_processor) {
            auto entry = read<mp::Processor>(at);
            if ((entry.flags & mp::Processor::enabled) != 0) cpus.add(entry.apic);
        }
        at += is_processor ? sizeof(mp::Processor) : mp::other_entry_bytes;
    }
}

// What the CPU says about its own package, for machines without tables (QEMU's microvm with acpi=off): identities count
// from 0 where a hypervisor makes them [sdm2 cpuid, leaf 0BH].
void add_from_topology(CpuList& cpus) {
    constexpr std::uint32_t topology_leaf = 0xb, core_level = 1;
    bool is_virtual = (arch::cpuid(1).ecx >> 31 & 1) != 0;
    if (!is_virtual || arch::cpuid(0).eax < topology_leaf) return;
    std::uint32_t count = arch::cpuid(topology_leaf, core_level).ebx & 0xffff;
    for (std::uint32_t apic = 0; apic < count; ++apic) cpus.add(apic);
}

}  // namespace

void CpuList::add(std::uint32_t apic) {
    constexpr std::uint32_t highest = 254;  // what fits into a command of the local APIC
    std::span known(apics.data(), count);
    if (apic > highest || count == apics.size() || std::ranges::find(known, apic) != known.end()) return;
    apics[count++] = static_cast<std::uint8_t>(apic);
}

CpuList find_cpus(const StartInfo& start) {
    CpuList cpus;
    cpus.add(arch::cpuid(1).ebx >> 24);
    add_from_acpi(start, cpus);
    if (cpus.count == 1) add_from_mp_table(cpus);
    if (cpus.count == 1) add_from_topology(cpus);
    return cpus;
}

}  // namespace husk::boot::pvh
