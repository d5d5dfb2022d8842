// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/local_apic.hpp"

#include <algorithm>

#include <husk/abi/memory_layout.hpp>

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/arch/mmio.hpp"
#include "guest-runtime/arch/privileged.hpp"
#include "guest-runtime/drivers/counter_sample.hpp"

namespace husk::local_apic {

namespace {

enum class Register : std::uint32_t {  // byte offsets [sdm3 table 10-1]
    id = 0x20,
    task_priority = 0x80,
    end_of_interrupt = 0xb0,
    spurious_vector = 0xf0,
    command_low = 0x300,
    command_high = 0x310,
    lvt_timer = 0x320,
    lvt_lint0 = 0x350,
    lvt_lint1 = 0x360,
    initial_count = 0x380,
    current_count = 0x390,
    divide = 0x3e0,
};
constexpr std::uint32_t software_enable = 1u << 8;
constexpr std::uint32_t masked = 1u << 16;
constexpr std::uint32_t divide_by_16 = 3;
constexpr std::uint32_t command_pending = 1u << 12, command_assert = 1u << 14;
constexpr std::uint32_t deliver_init = 5u << 8, deliver_start = 6u << 8;

constexpr std::uint64_t base_enabled = 1u << 11, base_x2apic = 1u << 10, base_boot_cpu = 1u << 8;

// A timer that is a little wrong fires early or late by that part of this.
constexpr std::uint32_t longest_count = 125'000'000;  // 2 s at the 1 GHz that VMMs choose

constinit std::uint64_t counts_per_tick_q32 = 1ull << 28;

std::uint32_t read(Register which) {
    return arch::read_mmio32(abi::physmap_base + registers + static_cast<std::uint32_t>(which));
}
void write(Register which, std::uint32_t value) {
    arch::write_mmio32(abi::physmap_base + registers + static_cast<std::uint32_t>(which), value);
}

// The handler of an interrupt sends none, so the two halves stay together.
void command(std::uint8_t to, std::uint32_t low) {
    while ((read(Register::command_low) & command_pending) != 0) __builtin_ia32_pause();
    write(Register::command_high, std::uint32_t{to} << 24);
    write(Register::command_low, low | command_assert);
}

}  // namespace

void interrupt(std::uint8_t to, std::uint8_t vector) { command(to, vector); }

void start(std::uint8_t to, std::uint8_t page) {
    command(to, deliver_init);
    // Hardware of 30 years ago wants 10 ms here and a second start 200 us later; what virtual machines have does not.
    command(to, deliver_start | page);
}

void stop(std::uint8_t to) { command(to, deliver_init); }

void enable(std::uint8_t timer_vector) {
    std::uint64_t base = arch::read_msr(arch::msr::apic_base);
    // From x2APIC mode the only way back leads through off [sdm3 10.12.5].
    if ((base & base_x2apic) != 0) arch::write_msr(arch::msr::apic_base, registers | (base & base_boot_cpu));
    arch::write_msr(arch::msr::apic_base, registers | base_enabled | (base & base_boot_cpu));
    write(Register::spurious_vector, software_enable | spurious_vector);
    write(Register::task_priority, 0);
    write(Register::lvt_lint0, masked);
    write(Register::lvt_lint1, masked);
    write(Register::divide, divide_by_16);
    write(Register::lvt_timer, timer_vector);
    write(Register::initial_count, 0);
}

void measure_timer(std::uint64_t tsc_hz) {
    auto read_count = [] { return read(Register::current_count); };
    write(Register::initial_count, UINT32_MAX);
    CounterSample first = sample_counter(read_count);
    while (arch::read_tsc() - first.tsc < tsc_hz / 1000) {
    }
    CounterSample last = sample_counter(read_count);
    write(Register::initial_count, 0);
    std::uint64_t counts = first.count - last.count;
    counts_per_tick_q32 = std::max<std::uint64_t>((counts << 32) / (last.tsc - first.tsc), 1);
}

std::uint8_t id() { return static_cast<std::uint8_t>(read(Register::id) >> 24); }
void end_of_interrupt() { write(Register::end_of_interrupt, 0); }

void arm_timer(std::uint64_t tsc_ticks) {
    auto counts = static_cast<unsigned __int128>(tsc_ticks) * counts_per_tick_q32 >> 32;
    // 0 would stop the timer.
    counts = std::clamp<unsigned __int128>(counts, 1, longest_count);
    write(Register::initial_count, static_cast<std::uint32_t>(counts));
}

}  // namespace husk::local_apic
