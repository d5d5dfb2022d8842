// SPDX-License-Identifier: Apache-2.0
// The list of `syscall` and `cpuid` sites that a loader turns into jumps when it loads the image.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::abi {

inline constexpr std::uint64_t patch_table_magic = 0x484354504b535548;  // "HUSKPTCH"

// The image tool writes stubs into room that the runtime reserves in its text and entries behind this header. To apply
// an entry: at `site` write `jmp rel32` to `stub`, then fill up to `length` bytes with one-byte nops. The file itself
// is never changed at `site`: it stays a Linux executable.
struct PatchEntry {
    std::uint32_t site;  // virtual address; images lie below 4 GiB
    std::uint32_t stub;
    std::uint8_t length;  // 5..32 bytes replaced
    std::uint8_t kind;    // 1 syscall, 2 cpuid
    std::uint16_t call;   // 1 + the number of the system call when the code fixes it; 0: not known. Only for people
};
static_assert(sizeof(PatchEntry) == 12);

struct PatchTable {
    std::uint64_t magic;
    std::uint32_t capacity;   // entries that fit behind the header
    std::uint32_t count;      // entries in use
    std::uint64_t stub_room;  // virtual address of the reserved code bytes
    std::uint32_t stub_room_bytes;
    std::uint32_t stub_bytes_used;
    std::uint64_t syscall_entry;    // a stub ends in `mov $return, %rcx; jmp syscall_entry`
    std::uint64_t cpuid_entry;      // a stub calls it with rsp moved below the red zone; only eax..edx change
    std::uint32_t unpatched_sites;  // sites that stay traps
    std::uint32_t state;            // 0 in the file; a loader sets 1 once the entries are applied
};
static_assert(sizeof(PatchTable) == 56);

}  // namespace husk::abi
