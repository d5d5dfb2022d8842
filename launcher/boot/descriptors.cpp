// SPDX-License-Identifier: Apache-2.0
#include "launcher/boot/descriptors.hpp"

#include <cstring>

#include <husk/abi/doorbell.hpp>
#include <husk/abi/image_note.hpp>

namespace husk::boot {

namespace {

constexpr std::uint16_t serial_ports = 8;

void open_port(abi::TaskState& task_state, std::uint16_t port) {
    task_state.io_bitmap[port / 8] &= static_cast<std::uint8_t>(~(1u << port % 8));
}

abi::TaskState make_task_state(abi::GuestVirt ring0_stack) {
    abi::TaskState task_state{};
    task_state.rsp0 = ring0_stack.value;
    task_state.io_bitmap_offset = offsetof(abi::TaskState, io_bitmap);
    std::memset(task_state.io_bitmap, 0xff, sizeof task_state.io_bitmap);
    task_state.io_bitmap_end = 0xff;
    for (std::uint16_t port = abi::doorbell_first_port; port <= abi::doorbell_last_port; ++port)
        open_port(task_state, port);
    for (std::uint16_t i = 0; i < serial_ports; ++i)
        open_port(task_state, static_cast<std::uint16_t>(abi::serial_port + i));
    return task_state;
}

}  // namespace

DescriptorPage make_descriptors(abi::GuestVirt base, abi::GuestVirt ring0_stack, std::uint64_t trap_stubs) {
    namespace descriptor = abi::descriptor;
    DescriptorPage page{};
    page.gdt[abi::selector::kernel_code >> 3] = descriptor::kernel_code;
    page.gdt[abi::selector::kernel_data >> 3] = descriptor::kernel_data;
    page.gdt[abi::selector::user_code32 >> 3] = descriptor::user_code32;
    page.gdt[abi::selector::user_data >> 3] = descriptor::user_data;
    page.gdt[abi::selector::user_code >> 3] = descriptor::user_code;
    const std::uint64_t task_state = base.value + offsetof(DescriptorPage, task_state);
    page.gdt[abi::selector::task_state >> 3] = descriptor::task_state_low(task_state, sizeof(abi::TaskState) - 1);
    page.gdt[(abi::selector::task_state >> 3) + 1] = descriptor::task_state_high(task_state);
    for (std::size_t vector = 0; vector < abi::exception_vectors; ++vector)
        page.idt[vector] =
            abi::IdtGate::to(trap_stubs + vector * abi::trap_stub_stride_bytes, vector == abi::breakpoint_vector);
    page.task_state = make_task_state(ring0_stack);
    return page;
}

}  // namespace husk::boot
