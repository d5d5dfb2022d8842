// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/stub.hpp"

#include <array>
#include <cstring>
#include <limits>

namespace husk::toolchain {
namespace {

constexpr std::uint8_t jump_opcode = 0xe9;
constexpr std::uint8_t call_opcode = 0xe8;
constexpr std::uint8_t load_ecx_opcode = 0xb9;  // mov imm32, %ecx: zero-extends into rcx
constexpr std::array<std::uint8_t, 5> leave_red_zone{0x48, 0x8d, 0x64, 0x24, 0x80};             // lea -128(%rsp), %rsp
constexpr std::array<std::uint8_t, 8> back_to_red_zone{0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0};  // lea 128(%rsp), %rsp

bool fits_in_32_bits(std::uint64_t value) { return value <= std::numeric_limits<std::uint32_t>::max(); }

bool fits_in_displacement(std::int64_t value) {
    return value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max();
}

class Emitter {
public:
    Emitter(const PatchPlan& plan, std::span<const std::uint8_t> code, std::uint64_t address)
        : plan_(plan), code_(code), address_(address) {}

    [[nodiscard]] std::uint64_t here() const { return address_ + bytes_.size(); }

    template <class Bytes>
    void put(const Bytes& bytes) {
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    }
    void put_word(std::uint64_t value) {
        ok_ = ok_ && fits_in_32_bits(value);
        for (int shift = 0; shift < 32; shift += 8) bytes_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    void put_displacement(std::int64_t value) {
        ok_ = ok_ && fits_in_displacement(value);
        put_word(static_cast<std::uint32_t>(value));
    }
    void put_branch(std::uint8_t opcode, std::uint64_t target) {
        bytes_.push_back(opcode);
        put_displacement(static_cast<std::int64_t>(target - (here() + 4)));
    }
    void put_load_ecx(std::uint64_t value) {
        bytes_.push_back(load_ecx_opcode);
        put_word(value);
    }
    void put_moved(std::span<const Instruction> instructions) {
        for (const Instruction& instruction : instructions) put_moved(instruction);
    }

    [[nodiscard]] std::optional<std::vector<std::uint8_t>> take() {
        if (!ok_) return {};
        return std::move(bytes_);
    }

private:
    void put_moved(const Instruction& instruction) {
        const auto bytes = code_.subspan(instruction.address - plan_.begin(), instruction.length);
        if (instruction.flow == Flow::jump) return put_branch(jump_opcode, instruction.target);
        if (instruction.flow == Flow::conditional) {
            bytes_.push_back(0x0f);
            return put_branch(static_cast<std::uint8_t>(0x80 | instruction.condition), instruction.target);
        }
        if (instruction.displacement_offset == 0) return put(bytes);
        const std::uint64_t end = here() + instruction.length;
        put(bytes.first(instruction.displacement_offset));
        put_displacement(static_cast<std::int64_t>(instruction.reference - end));
        put(bytes.subspan(instruction.displacement_offset + 4u));  // an immediate may follow
    }

    const PatchPlan& plan_;
    std::span<const std::uint8_t> code_;
    std::uint64_t address_;
    std::vector<std::uint8_t> bytes_;
    bool ok_ = true;
};

}  // namespace

bool jump_reaches(std::uint64_t from, std::uint64_t to) {
    return fits_in_displacement(static_cast<std::int64_t>(to - (from + jump_bytes)));
}

std::optional<std::vector<std::uint8_t>> try_emit_stub(const PatchPlan& plan, std::span<const std::uint8_t> code,
                                                       std::uint64_t address, const StubTargets& targets) {
    if (!jump_reaches(plan.begin(), address)) return {};
    Emitter out(plan, code, address);
    out.put_moved(plan.front);
    if (plan.site.site == Site::syscall) {
        const std::uint64_t behind_the_jump = out.here() + 2 * jump_bytes;
        out.put_load_ecx(plan.behind.empty() ? plan.end() : behind_the_jump);
        out.put_branch(jump_opcode, targets.syscall_entry);
        if (plan.behind.empty()) return out.take();
    } else {
        out.put(leave_red_zone);
        out.put_branch(call_opcode, targets.cpuid_entry);
        out.put(back_to_red_zone);
    }
    out.put_moved(plan.behind);
    out.put_branch(jump_opcode, plan.end());
    return out.take();
}

}  // namespace husk::toolchain
