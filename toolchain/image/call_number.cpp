// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/call_number.hpp"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <array>

namespace husk::toolchain {
namespace {

// What an instruction leaves in rax.
struct RaxAfter {
    bool is_written = false;
    std::optional<std::uint32_t> constant;  // when it is one
};

std::span<const std::uint8_t> bytes_at(std::span<const CodeBytes> code, const Instruction& instruction) {
    for (const CodeBytes& section : code) {
        if (section.contains(instruction.address))
            return section.bytes.subspan(instruction.address - section.address, instruction.length);
    }
    return {};
}

bool is_rax(const ZydisDecodedOperand& operand) {
    return operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
           ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, operand.reg.value) == ZYDIS_REGISTER_RAX;
}

RaxAfter rax_after(std::span<const std::uint8_t> bytes) {
    ZydisDecoder decoder;
    ZydisDecodedInstruction raw;
    std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
    ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes.data(), bytes.size(), &raw, operands.data())))
        return {true, {}};
    // What is called may leave anything there.
    if (raw.meta.category == ZYDIS_CATEGORY_CALL) return {true, {}};
    const bool is_written =
        std::any_of(operands.begin(), operands.begin() + raw.operand_count, [](const auto& operand) {
            return is_rax(operand) && (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
        });
    if (!is_written) return {};
    const bool is_whole = operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER && operands[0].size >= 32;
    if (is_whole && raw.mnemonic == ZYDIS_MNEMONIC_MOV && operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
        return {true, static_cast<std::uint32_t>(operands[1].imm.value.u)};
    if (is_whole && raw.mnemonic == ZYDIS_MNEMONIC_XOR && is_rax(operands[1])) return {true, 0};
    return {true, {}};
}

}  // namespace

std::optional<std::uint32_t> find_call_number(std::span<const Instruction> instructions,
                                              std::span<const CodeBytes> code, const AddressSet& entered,
                                              std::uint64_t site) {
    auto at = std::lower_bound(instructions.begin(), instructions.end(), site,
                               [](const Instruction& one, std::uint64_t address) { return one.address < address; });
    while (at != instructions.begin() && !entered.contains(at->address)) {
        const auto before = std::prev(at);
        if (before->end() != at->address || before->flow == Flow::jump || before->flow == Flow::stop) return {};
        const RaxAfter rax = rax_after(bytes_at(code, *before));
        if (rax.is_written) return rax.constant;
        at = before;
    }
    return {};
}

}  // namespace husk::toolchain
