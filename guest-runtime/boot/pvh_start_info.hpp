// SPDX-License-Identifier: Apache-2.0
// What a VMM hands over by the PVH boot protocol [pvh: hvm_start_info].
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::boot::pvh {

inline constexpr std::uint32_t start_info_magic = 0x336e'c578;
inline constexpr std::uint32_t version_with_memory_map = 1;

struct StartInfo {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint32_t flags;
    std::uint32_t module_count;
    std::uint64_t modules;       // gpa of ModuleEntry[module_count]
    std::uint64_t command_line;  // gpa of a NUL-terminated text, or 0
    std::uint64_t rsdp;
    std::uint64_t memory_map;  // gpa of MemoryEntry[memory_entry_count]
    std::uint32_t memory_entry_count;
    std::uint32_t reserved;
};
static_assert(sizeof(StartInfo) == 56 && offsetof(StartInfo, memory_map) == 40);

struct ModuleEntry {
    std::uint64_t begin, size_bytes, command_line, reserved;
};
static_assert(sizeof(ModuleEntry) == 32);

struct MemoryEntry {
    std::uint64_t begin, size_bytes;
    std::uint32_t type;
    std::uint32_t reserved;
};
static_assert(sizeof(MemoryEntry) == 24);
inline constexpr std::uint32_t memory_type_ram = 1;

// The boot page tables map the first 4 GiB where they are.
inline constexpr std::uint64_t identity_end = 4ull << 30;
template <class T>
T* pointer_to(std::uint64_t gpa) {
    // SAFETY: callers pass gpas below identity_end that the VMM named or that lie in RAM chosen from its memory map.
    return reinterpret_cast<T*>(gpa);
}

}  // namespace husk::boot::pvh
