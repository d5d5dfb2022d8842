// SPDX-License-Identifier: Apache-2.0
// Single instructions of x86-64 that C++ has no word for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::arch {

inline std::uint64_t read_tsc() {
    std::uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return low | std::uint64_t{high} << 32;
}

// Not before what comes earlier in the program: what another vCPU has told of its clock is older than this.
inline std::uint64_t read_tsc_in_order() {
    std::uint32_t low, high;
    asm volatile("lfence\n\trdtsc" : "=a"(low), "=d"(high)::"memory");
    return low | std::uint64_t{high} << 32;
}

inline void write_fs_base(std::uint64_t base) { asm volatile("wrfsbase %0" ::"r"(base)); }
inline std::uint64_t read_fs_base() {
    std::uint64_t base;
    asm volatile("rdfsbase %0" : "=r"(base));
    return base;
}

inline void out8(std::uint16_t port, std::uint8_t value) {
    asm volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
inline void out32(std::uint16_t port, std::uint32_t value) {
    asm volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
// The bytes one after the other to the same port.
inline void out8_string(std::uint16_t port, const void* bytes, std::size_t size_bytes) {
    asm volatile("rep outsb" : "+S"(bytes), "+c"(size_bytes) : "d"(port) : "memory");
}
inline std::uint8_t in8(std::uint16_t port) {
    std::uint8_t value;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

struct CpuidResult {
    std::uint32_t eax, ebx, ecx, edx;
};
inline CpuidResult cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
    CpuidResult r{};
    asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(subleaf));
    return r;
}

// Whether rdrand exists, by ecx of cpuid's leaf 1 [sdm2 cpuid]. The instruction itself may trap, for 4 us.
constexpr bool has_random_instruction(std::uint32_t leaf1_ecx) { return (leaf1_ecx >> 30 & 1) != 0; }
// False when the generator had no value ready.
inline bool read_random(std::uint64_t& value) {
    bool ready;
    asm volatile("rdrand %0" : "=r"(value), "=@ccc"(ready));
    return ready;
}

// State components that a thread owns: x87, SSE, AVX, AVX-512 [sdm1 13.1].
inline constexpr std::uint64_t vector_state_mask = 0xe7;

// `area` is 64-byte aligned and XSAVE-sized; its header was zero before the first save.
inline void save_vector_state(void* area) {
    asm volatile("xsave64 (%0)" ::"r"(area), "a"(static_cast<std::uint32_t>(vector_state_mask)), "d"(0) : "memory");
}
inline void restore_vector_state(const void* area) {
    asm volatile("xrstor64 (%0)" ::"r"(area), "a"(static_cast<std::uint32_t>(vector_state_mask)), "d"(0) : "memory");
}

// Exception flags that are raised and not masked, as bits of the status word [sdm1 8.1.3, 10.2.3].
inline std::uint32_t read_x87_exceptions() {
    std::uint16_t status, control;
    asm volatile("fnstsw %0" : "=a"(status));
    asm volatile("fnstcw %0" : "=m"(control));
    return status & ~control & 0x3fu;
}
inline std::uint32_t read_simd_exceptions() {
    std::uint32_t control;
    asm volatile("stmxcsr %0" : "=m"(control));
    return control & ~(control >> 7) & 0x3f;
}

}  // namespace husk::arch
