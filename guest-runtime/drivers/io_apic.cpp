// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/io_apic.hpp"

#include <algorithm>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/mmio.hpp"

namespace husk::io_apic {

namespace {

constexpr std::uint64_t select_offset = 0, window_offset = 0x10;
constexpr std::uint32_t version_register = 1, first_redirection = 0x10;
constexpr std::uint32_t masked = 1u << 16;
constexpr std::uint16_t first_pic_mask = 0x21, second_pic_mask = 0xa1;
constexpr unsigned most_inputs = 120;

std::uint32_t read(std::uint32_t index) {
    arch::write_mmio32(abi::supervisor_map_base + registers + select_offset, index);
    return arch::read_mmio32(abi::supervisor_map_base + registers + window_offset);
}
void write(std::uint32_t index, std::uint32_t value) {
    arch::write_mmio32(abi::supervisor_map_base + registers + select_offset, index);
    arch::write_mmio32(abi::supervisor_map_base + registers + window_offset, value);
}

}  // namespace

void silence_old_controllers() {
    arch::out8(first_pic_mask, 0xff);
    arch::out8(second_pic_mask, 0xff);
}

bool initialise() {
    std::uint32_t version = read(version_register);
    if (version == 0 || version == UINT32_MAX) return false;
    unsigned inputs = std::min((version >> 16 & 0xff) + 1, most_inputs);
    for (unsigned input = 0; input < inputs; ++input) write(first_redirection + 2 * input, masked);
    return true;
}

void route(unsigned input, std::uint8_t vector, std::uint8_t to) {
    write(first_redirection + 2 * input + 1, std::uint32_t{to} << 24);
    write(first_redirection + 2 * input, vector);
}

}  // namespace husk::io_apic
