// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/io_apic.hpp"

#include <algorithm>
#include <array>

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

struct Controller {
    std::uint64_t address;  // of the registers
    unsigned inputs = 0;    // 0: not there

    [[nodiscard]] std::uint32_t read(std::uint32_t index) const {
        arch::write_mmio32(address + select_offset, index);
        return arch::read_mmio32(address + window_offset);
    }
    void write(std::uint32_t index, std::uint32_t value) const {
        arch::write_mmio32(address + select_offset, index);
        arch::write_mmio32(address + window_offset, value);
    }
};
constinit std::array controllers = {Controller{abi::supervisor_map_base + registers},
                                    Controller{abi::supervisor_map_base + second_registers}};

}  // namespace

void silence_old_controllers() {
    arch::out8(first_pic_mask, 0xff);
    arch::out8(second_pic_mask, 0xff);
}

bool initialise() {
    for (Controller& controller : controllers) {
        std::uint32_t version = controller.read(version_register);
        if (version == 0 || version == UINT32_MAX) break;
        controller.inputs = std::min((version >> 16 & 0xff) + 1, most_inputs);
        for (unsigned input = 0; input < controller.inputs; ++input) {
            controller.write(first_redirection + 2 * input, masked);
        }
    }
    return controllers[0].inputs != 0;
}

void route(unsigned input, std::uint8_t vector, std::uint8_t to) {
    for (const Controller& controller : controllers) {
        if (input >= controller.inputs) {
            input -= controller.inputs;
            continue;
        }
        controller.write(first_redirection + 2 * input + 1, std::uint32_t{to} << 24);
        controller.write(first_redirection + 2 * input, vector);
        return;
    }
}

}  // namespace husk::io_apic
