// SPDX-License-Identifier: Apache-2.0
// The interrupt controller inside the CPU, and its one-shot timer [sdm3 10.4, 10.5].
#pragma once

#include <cstdint>

#include <husk/abi/machine.hpp>

namespace husk::local_apic {

inline constexpr std::uint64_t registers = 0xfee0'0000;  // gpa; mapped uncached in the physmap

inline constexpr std::uint8_t spurious_vector = abi::exception_vectors + 31;

// In ring 0: accepts interrupts and nothing from its own pins. The timer delivers `timer_vector`.
void enable(std::uint8_t timer_vector);
// Counts the timer's ticks for at least a millisecond. Once, after enable(), with no timer armed.
void measure_timer(std::uint64_t tsc_hz);

[[nodiscard]] std::uint8_t id();
// The handler of an interrupt has seen it.
void end_of_interrupt();

// Delivers `vector` to another CPU.
void interrupt(std::uint8_t to, std::uint8_t vector);
// Starts another CPU in real mode at the begin of the page with this number.
void start(std::uint8_t to, std::uint8_t page);
// INIT alone: the CPU waits for a start, whatever it did.
void stop(std::uint8_t to);

// The timer fires once, when the TSC has advanced by about so much; at most some seconds later. 0: at once.
void arm_timer(std::uint64_t tsc_ticks);

}  // namespace husk::local_apic
