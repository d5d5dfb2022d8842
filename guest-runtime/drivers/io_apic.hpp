// SPDX-License-Identifier: Apache-2.0
// The interrupt controller that ISA devices are wired to [ioapic]; all of its use is in ring 0 at boot.
#pragma once

#include <cstdint>

namespace husk::io_apic {

// gpa; mapped for ring 0 in the supervisor map. QEMU's microvm has a second one for its virtio devices.
inline constexpr std::uint64_t registers = 0xfec0'0000, second_registers = 0xfec1'0000;

// Masks the old 8259 controllers. Before the local APIC stops listening to them: what they have already announced is
// taken back only while it listens.
void silence_old_controllers();
// Masks every input. False: there is no I/O APIC, so that no device interrupts.
bool initialise();
// An edge on the input becomes `vector` on the local APIC `to`. The second one's inputs count on from the first one's.
void route(unsigned input, std::uint8_t vector, std::uint8_t to);

}  // namespace husk::io_apic
