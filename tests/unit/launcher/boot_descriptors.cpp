// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/descriptors.hpp"

#include <doctest/doctest.h>

#include <husk/abi/doorbell.hpp>
#include <husk/abi/image_note.hpp>

using namespace husk;

namespace {

constexpr std::uint64_t base = 0x2000'0000'1000;
constexpr std::uint64_t stack = 0x1000'0000'8000;
constexpr std::uint64_t stubs = 0x40'2000;

std::uint64_t target_of(const abi::IdtGate& gate) {
    return gate.offset_low | std::uint64_t{gate.offset_mid} << 16 | std::uint64_t{gate.offset_high} << 32;
}

bool is_open(const abi::TaskState& task_state, unsigned port) {
    return (task_state.io_bitmap[port / 8] >> port % 8 & 1) == 0;
}

}  // namespace

TEST_CASE("every exception leads to its stub, and only the breakpoint is for ring 3 to raise") {
    const auto page = boot::make_descriptors({base}, {stack}, stubs);
    for (std::size_t vector = 0; vector < abi::exception_vectors; ++vector) {
        const abi::IdtGate& gate = page.idt[vector];
        CHECK(target_of(gate) == stubs + vector * abi::trap_stub_stride_bytes);
        CHECK(gate.selector == abi::selector::kernel_code);
        CHECK(gate.type == (vector == abi::breakpoint_vector ? 0xee : 0x8e));
        CHECK(gate.ist == 0);
    }
}

TEST_CASE("the task state has the ring-0 stack and opens the contract's ports alone") {
    const auto page = boot::make_descriptors({base}, {stack}, stubs);
    CHECK(std::uint64_t{page.task_state.rsp0} == stack);
    CHECK(page.task_state.io_bitmap_offset == 0x68);
    CHECK(page.task_state.io_bitmap_end == 0xff);
    for (unsigned port = 0; port < abi::io_bitmap_ports; ++port) {
        const bool doorbell = port >= abi::doorbell_first_port && port <= abi::doorbell_last_port;
        const bool serial = port >= abi::serial_port && port < abi::serial_port + 8u;
        CHECK(is_open(page.task_state, port) == (doorbell || serial));
    }
}

TEST_CASE("the task-state descriptor points behind the tables of its own page") {
    const auto page = boot::make_descriptors({base}, {stack}, stubs);
    const std::uint64_t low = page.gdt[8], high = page.gdt[9];
    const std::uint64_t address = (low >> 16 & 0xff'ffff) | (low >> 56) << 24 | high << 32;
    CHECK(address == base + offsetof(boot::DescriptorPage, task_state));
    CHECK((low & 0xffff) == sizeof(abi::TaskState) - 1);
    CHECK(page.gdt[0] == 0);
    CHECK(page.gdt[6] == abi::descriptor::user_code);
}
