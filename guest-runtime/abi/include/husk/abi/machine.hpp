// SPDX-License-Identifier: Apache-2.0
// x86-64 state that both sides build: selectors, descriptors, control registers and page-table entry bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::abi {

// KVM without hardware virtualisation accepts only Linux's selectors, so every launcher uses them.
namespace selector {
inline constexpr std::uint16_t kernel_code = 0x10;
inline constexpr std::uint16_t kernel_data = 0x18;
inline constexpr std::uint16_t user_code32 = 0x23;
inline constexpr std::uint16_t user_data = 0x2b;
inline constexpr std::uint16_t user_code = 0x33;
inline constexpr std::uint16_t task_state = 0x40;
}  // namespace selector

// GDT entries by index = selector >> 3; index 8 and 9 hold the TSS descriptor [sdm3 3.4.5].
namespace descriptor {
inline constexpr std::uint64_t kernel_code = 0x00af'9b00'0000'ffff;
inline constexpr std::uint64_t kernel_data = 0x00cf'9300'0000'ffff;
inline constexpr std::uint64_t user_code32 = 0x00cf'fb00'0000'ffff;
inline constexpr std::uint64_t user_data = 0x00cf'f300'0000'ffff;
inline constexpr std::uint64_t user_code = 0x00af'fb00'0000'ffff;
inline constexpr std::size_t gdt_entries = 10;

// The two words of a busy 64-bit TSS descriptor (type 11: the one type every KVM takes in TR).
constexpr std::uint64_t task_state_low(std::uint64_t base, std::uint32_t limit) {
    return (limit & 0xffffu) | ((base & 0xff'ffff) << 16) | (0x8bull << 40) | ((base >> 24 & 0xff) << 56);
}
constexpr std::uint64_t task_state_high(std::uint64_t base) { return base >> 32; }
}  // namespace descriptor

// 64-bit interrupt gate [sdm3 6.14.1].
struct IdtGate {
    std::uint16_t offset_low;
    std::uint16_t selector;
    std::uint8_t ist;
    std::uint8_t type;  // 0x8e: interrupt gate for ring 0; 0xee: reachable by an instruction in ring 3
    std::uint16_t offset_mid;
    std::uint32_t offset_high;
    std::uint32_t reserved;

    static constexpr IdtGate to(std::uint64_t handler, bool from_ring3) {
        return {static_cast<std::uint16_t>(handler),
                selector::kernel_code,
                0,
                static_cast<std::uint8_t>(from_ring3 ? 0xee : 0x8e),
                static_cast<std::uint16_t>(handler >> 16),
                static_cast<std::uint32_t>(handler >> 32),
                0};
    }
};
static_assert(sizeof(IdtGate) == 16);

inline constexpr std::size_t exception_vectors = 32;
inline constexpr std::uint8_t breakpoint_vector = 3;  // the one gate with ring-3 access: the runtime's way into ring 0

// 64-bit TSS with an I/O permission bitmap [sdm3 7.7]. Ports below io_bitmap_ports whose bit is clear are open to
// ring 3.
inline constexpr std::size_t io_bitmap_ports = 0x800;
struct [[gnu::packed]] TaskState {
    std::uint32_t reserved0;
    std::uint64_t rsp0;
    std::uint64_t rsp1;
    std::uint64_t rsp2;
    std::uint64_t reserved1;
    std::uint64_t ist[7];
    std::uint64_t reserved2;
    std::uint16_t reserved3;
    std::uint16_t io_bitmap_offset;
    std::uint8_t io_bitmap[io_bitmap_ports / 8];
    std::uint8_t io_bitmap_end;  // all ones, required behind the last byte
};
static_assert(offsetof(TaskState, rsp0) == 4 && offsetof(TaskState, io_bitmap_offset) == 0x66);
static_assert(offsetof(TaskState, io_bitmap) == 0x68);

// Control registers and MSRs at the first instruction.
inline constexpr std::uint64_t cr0 = 0x8005'0033;                             // PG WP AM NE ET MP PE
inline constexpr std::uint64_t cr4 = 0x20 | 0x600 | (1u << 16) | (1u << 18);  // PAE OSFXSR OSXMMEXCPT FSGSBASE OSXSAVE
inline constexpr std::uint64_t efer = 0xd01;                                  // NXE LMA LME SCE
inline constexpr std::uint64_t star = (0x10ull << 32) | (0x23ull << 48);      // syscall 0x10/0x18, sysret 0x33/0x2b
inline constexpr std::uint64_t syscall_flag_mask = 0x4'0700;                  // TF IF DF AC are cleared at LSTAR
inline constexpr std::uint64_t user_rflags = 0x3202;                          // IOPL 3, IF: ring 3's flags at the start
inline constexpr std::uint64_t trap_flag = 0x100;  // rflags.TF: a #DB behind each instruction

// Page-table entry bits, 4-level paging [sdm3 4.5]. Accessed and dirty are always set in advance: on shadow paging each
// would cost a fault.
namespace pte {
inline constexpr std::uint64_t present = 1ull << 0;
inline constexpr std::uint64_t writable = 1ull << 1;
inline constexpr std::uint64_t user = 1ull << 2;
inline constexpr std::uint64_t accessed = 1ull << 5;
inline constexpr std::uint64_t dirty = 1ull << 6;
inline constexpr std::uint64_t large = 1ull << 7;
inline constexpr std::uint64_t no_execute = 1ull << 63;
inline constexpr std::uint64_t address_mask = 0x000f'ffff'ffff'f000;
inline constexpr std::uint64_t table = present | writable | user | accessed;  // an upper-level entry; leaves restrict
inline constexpr std::uint64_t entries = 512;
}  // namespace pte

}  // namespace husk::abi
