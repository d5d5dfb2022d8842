// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/instruction.hpp"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>

namespace husk::toolchain {
namespace {

const ZydisDecoder& decoder() {
    static const ZydisDecoder instance = [] {
        ZydisDecoder d;
        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        return d;
    }();
    return instance;
}

Flow flow_of(const ZydisDecodedInstruction& raw) {
    switch (raw.mnemonic) {
        case ZYDIS_MNEMONIC_JMP:
            return Flow::jump;
        case ZYDIS_MNEMONIC_RET:
        case ZYDIS_MNEMONIC_IRET:
        case ZYDIS_MNEMONIC_IRETD:
        case ZYDIS_MNEMONIC_IRETQ:
        case ZYDIS_MNEMONIC_SYSRET:
        case ZYDIS_MNEMONIC_SYSEXIT:
        case ZYDIS_MNEMONIC_UD0:
        case ZYDIS_MNEMONIC_UD1:
        case ZYDIS_MNEMONIC_UD2:
        case ZYDIS_MNEMONIC_INT3:
        case ZYDIS_MNEMONIC_HLT:
            return Flow::stop;
        case ZYDIS_MNEMONIC_XBEGIN:
            return Flow::conditional;
        default:
            return raw.meta.category == ZYDIS_CATEGORY_COND_BR ? Flow::conditional : Flow::next;
    }
}

// Instructions that mean something at their own address, besides those with a relative operand.
bool is_bound_to_its_address(ZydisMnemonic mnemonic) {
    switch (mnemonic) {
        case ZYDIS_MNEMONIC_CALL:
        case ZYDIS_MNEMONIC_SYSCALL:
        case ZYDIS_MNEMONIC_SYSENTER:
        case ZYDIS_MNEMONIC_CPUID:
        case ZYDIS_MNEMONIC_INT:
        case ZYDIS_MNEMONIC_INT1:
        case ZYDIS_MNEMONIC_INTO:
        case ZYDIS_MNEMONIC_ENDBR64:
        case ZYDIS_MNEMONIC_ENDBR32:
        case ZYDIS_MNEMONIC_XABORT:
        case ZYDIS_MNEMONIC_XEND:
            return true;
        default:
            return false;
    }
}

// `mov $15, %rax` or `mov $15, %eax`
bool loads_signal_return(std::span<const std::uint8_t> bytes) {
    static constexpr std::array<std::uint8_t, 7> wide{0x48, 0xc7, 0xc0, 15, 0, 0, 0};
    static constexpr std::array<std::uint8_t, 5> narrow{0xb8, 15, 0, 0, 0};
    return std::ranges::equal(bytes, wide) || std::ranges::equal(bytes, narrow);
}

}  // namespace

std::optional<Instruction> try_decode(std::span<const std::uint8_t> code, std::uint64_t address) {
    ZydisDecodedInstruction raw;
    ZydisDecoderContext context;
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder(), &context, code.data(), code.size(), &raw))) return {};

    Instruction result;
    result.address = address;
    result.length = raw.length;
    result.flow = flow_of(raw);
    if (raw.mnemonic == ZYDIS_MNEMONIC_SYSCALL) result.site = Site::syscall;
    if (raw.mnemonic == ZYDIS_MNEMONIC_CPUID) result.site = Site::cpuid;

    const bool relative = raw.raw.imm[0].is_relative != 0;
    if (relative) result.target = result.end() + static_cast<std::uint64_t>(raw.raw.imm[0].value.s);

    // mod 0 with r/m 5 is disp32 relative to the next instruction [sdm2 2.2.1.6].
    const bool has_modrm = (raw.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
    const bool rip_relative = has_modrm && raw.raw.modrm.mod == 0 && raw.raw.modrm.rm == 5 && raw.raw.disp.size == 32;
    if (rip_relative) {
        result.displacement_offset = raw.raw.disp.offset;
        result.reference = result.end() + static_cast<std::uint64_t>(raw.raw.disp.value);
    }
    const bool wraps_at_4g = rip_relative && raw.address_width != 64;
    result.loads_signal_return = loads_signal_return(code.first(raw.length));
    result.movable = !relative && !wraps_at_4g && result.flow == Flow::next && !is_bound_to_its_address(raw.mnemonic);
    // jcc rel8 is 7x, jcc rel32 0f 8x [sdm2 B.1.4.7]; loop and jrcxz have a short form only.
    const bool is_jcc = result.flow == Flow::conditional && relative &&
                        ((raw.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT && (raw.opcode & 0xf0) == 0x70) ||
                         (raw.opcode_map == ZYDIS_OPCODE_MAP_0F && (raw.opcode & 0xf0) == 0x80));
    if (is_jcc) result.condition = raw.opcode & 0x0f;
    result.movable_last = is_jcc || (result.flow == Flow::jump && relative) || raw.mnemonic == ZYDIS_MNEMONIC_RET;
    return result;
}

}  // namespace husk::toolchain
