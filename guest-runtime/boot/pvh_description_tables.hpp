// SPDX-License-Identifier: Apache-2.0
// Layouts of the tables by which firmware describes CPUs: ACPI's [acpi 5.2] and those of the MP specification [mp 4].
#pragma once

#include <cstdint>
#include <string_view>

namespace husk::boot::pvh {

namespace acpi {

inline constexpr std::string_view root_signature = "RSD PTR ", madt_signature = "APIC";
inline constexpr std::uint64_t madt_entries_offset = 44;

struct [[gnu::packed]] RootPointer {
    char signature[8];
    std::uint8_t checksum;
    char maker[6];
    std::uint8_t revision;
    std::uint32_t rsdt;
    std::uint32_t size_bytes;
    std::uint64_t xsdt;  // from revision 2 on
    std::uint8_t extended_checksum;
    std::uint8_t reserved[3];
};
static_assert(sizeof(RootPointer) == 36);

struct [[gnu::packed]] TableHeader {
    char signature[4];
    std::uint32_t size_bytes;
    std::uint8_t rest[28];
};
static_assert(sizeof(TableHeader) == 36);

struct [[gnu::packed]] LocalApic {
    static constexpr std::uint8_t kind = 0;
    static constexpr std::uint32_t enabled = 1;
    std::uint8_t type;
    std::uint8_t entry_bytes;
    std::uint8_t processor;
    std::uint8_t apic;
    std::uint32_t flags;
};
static_assert(sizeof(LocalApic) == 8);

}  // namespace acpi

namespace mp {

inline constexpr std::string_view pointer_signature = "_MP_", table_signature = "PCMP";
inline constexpr std::uint64_t other_entry_bytes = 8;

struct [[gnu::packed]] FloatingPointer {
    char signature[4];
    std::uint32_t table;
    std::uint8_t rest[8];
};
static_assert(sizeof(FloatingPointer) == 16);

struct [[gnu::packed]] TableHeader {
    char signature[4];
    std::uint16_t size_bytes;
    std::uint8_t revision, checksum;
    char maker[20];
    std::uint32_t oem_table;
    std::uint16_t oem_table_bytes;
    std::uint16_t entry_count;
    std::uint32_t local_apic;
    std::uint32_t reserved;
};
static_assert(sizeof(TableHeader) == 44);

struct [[gnu::packed]] Processor {
    static constexpr std::uint8_t kind = 0, enabled = 1;
    std::uint8_t type;
    std::uint8_t apic;
    std::uint8_t apic_version;
    std::uint8_t flags;
    std::uint8_t rest[16];
};
static_assert(sizeof(Processor) == 20);

}  // namespace mp

}  // namespace husk::boot::pvh
