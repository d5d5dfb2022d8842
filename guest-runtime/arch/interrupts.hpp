// SPDX-License-Identifier: Apache-2.0
// Interrupts of a foreign VMM's machine; under our own launcher there are none.
#pragma once

#include <cstddef>
#include <cstdint>

#include <husk/abi/machine.hpp>

#include "guest-runtime/arch/context.hpp"

namespace husk::arch {

inline constexpr std::size_t interrupt_vectors = 32;  // from abi::exception_vectors on
inline constexpr std::size_t interrupt_stub_stride_bytes = 64;

inline constexpr std::uint32_t most_interrupted_vcpus = 16;  // of a foreign VMM's machine

// Prepares per_cpu() for interrupts: they may come once this has returned.
void initialise_interrupts(struct PerCpu& cpu);

// Sleeps until an interrupt has come, or not at all when attention is not 0. Returns the interrupt's vector, which the
// handler has not seen, or 0.
std::uint32_t wait_for_interrupt();

// Ends the machine by a triple fault: a VMM told not to reboot ends with it.
[[noreturn]] void reset_machine();

}  // namespace husk::arch

extern "C" {
extern const char husk_interrupt_stubs[];
// Called by interrupt_entry.S with interrupts off. True: the application was interrupted and something wants attention.
bool husk_interrupt(husk::arch::Context* context, std::uint64_t vector);
}
