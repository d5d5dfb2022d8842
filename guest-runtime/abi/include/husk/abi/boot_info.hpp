// SPDX-License-Identifier: Apache-2.0
// The record that a guest finds through rdi at its first instruction.
#pragma once

#include <cstddef>
#include <cstdint>

#include <husk/abi/device_record.hpp>

namespace husk::abi {

inline constexpr std::uint64_t boot_info_magic = 0x544f4f426b737548;  // "HuskBOOT"

struct PhysRange {
    std::uint64_t begin;  // gpa, page-aligned
    std::uint64_t end;
};

// NUL-terminated strings one after the other, at `offset` bytes behind the start of BootInfo.
struct StringList {
    std::uint32_t offset;
    std::uint32_t count;
    std::uint32_t size_bytes;
    std::uint32_t reserved;
};

// One answer of cpuid, as `cpuid` itself would give it to the application.
struct CpuidEntry {
    std::uint32_t leaf;
    std::uint32_t subleaf;
    std::uint32_t subleaf_matters;  // 0: the entry answers for every subleaf
    std::uint32_t eax, ebx, ecx, edx;
};
static_assert(sizeof(CpuidEntry) == 28);

namespace boot_flag {
inline constexpr std::uint32_t ram_is_zero = 1u << 0;  // every byte of free_ranges is 0
inline constexpr std::uint32_t verbose = 1u << 1;      // name unknown system calls
inline constexpr std::uint32_t core_wanted = 1u << 2;  // fill CrashRecord's threads and mappings completely
inline constexpr std::uint32_t debugger = 1u << 3;     // ring the `stop` doorbell, first before the first instruction
inline constexpr std::uint32_t one_tsc = 1u << 4;      // all vCPUs read one counter, whatever CPUs they run on
}  // namespace boot_flag

enum class StreamKind : std::uint8_t { closed, tty, pipe, file, null };  // pipe: also a socket

struct BootInfo {
    std::uint64_t magic;
    std::uint32_t abi_number;
    std::uint32_t size_bytes;  // of BootInfo and all that its offsets point to
    std::uint32_t flags;
    std::uint32_t vcpu_count;

    std::uint64_t page_table_root;  // gpa of the PML4
    PhysRange table_pool;           // unused pages that may become page tables; read-only in the physmap
    std::uint64_t vcpu_areas;       // gpa of vcpu_area::stride_bytes for each vCPU
    std::uint32_t free_range_count;
    std::uint32_t reserved0;
    PhysRange free_ranges[8];  // the guest's to use; best first

    std::uint64_t tsc_hz;
    std::int64_t wall_clock_ns;  // CLOCK_REALTIME when the host's TSC was host_tsc
    std::uint64_t host_tsc;
    std::int64_t tsc_offset;  // guest TSC - host TSC as far as the launcher knows; 0 where they are the same counter

    std::uint64_t xcr0;              // state components that XSAVE may use
    std::uint32_t xsave_size_bytes;  // standard format, all of xcr0
    std::uint32_t cpuid_offset;      // CpuidEntry[cpuid_count], behind the start of BootInfo
    std::uint32_t cpuid_count;
    std::uint32_t reserved1;
    std::uint8_t seed[32];  // fresh random bytes

    StringList arguments;  // argv, argv[0] included
    StringList environment;
    StringList working_directory;  // one absolute path
    StreamKind streams[4];         // stdin, stdout, stderr, unused
    std::uint16_t terminal_rows;   // 0: no terminal
    std::uint16_t terminal_columns;
    std::uint64_t
        main_stack_end;  // address; main_stack_ready_bytes below it are mapped. 0: nothing is, choose yourself

    // "name=value", for the parts of the runtime that know the name; others are skipped. The same words stand behind
    // "husk." on a foreign VMM's kernel line.
    //   mount=vda:/data[:ro]              what to mount where
    //   ip=eth0,dhcp                      ask a DHCP server for eth0's IPv4 address, routes and name servers
    //   ip=eth0,10.0.0.2/24[,10.0.0.1]    an address with its network, and the default gateway; IPv6 likewise; repeated
    //   dns=10.0.0.1                      a name server; repeated, in order
    //   hostname=NAME                     what uname and gethostname say
    //   memory_target=BYTES               give free memory back to the host until about so much is backed
    //   trace=all, trace=openat,read      which system calls to write records of (trace_record.hpp)
    StringList settings;
    std::uint32_t devices_offset;  // DeviceRecord[device_count], 8-byte aligned behind the start of BootInfo
    std::uint32_t device_count;
};
static_assert(sizeof(PhysRange) == 16 && sizeof(StringList) == 16);
static_assert(offsetof(BootInfo, page_table_root) == 24 && offsetof(BootInfo, free_ranges) == 64);
static_assert(offsetof(BootInfo, tsc_hz) == 192 && offsetof(BootInfo, seed) == 248);
static_assert(offsetof(BootInfo, arguments) == 280);
static_assert(offsetof(BootInfo, settings) == 344 && sizeof(BootInfo) == 368);

}  // namespace husk::abi
