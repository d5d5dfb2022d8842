// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/interval_timer.hpp"

#include "guest-runtime/arch/cpu.hpp"
#include "guest-runtime/drivers/counter_sample.hpp"

namespace husk::interval_timer {

namespace {

constexpr std::uint16_t channel2_port = 0x42, mode_port = 0x43, gate_port = 0x61;
constexpr std::uint8_t channel2_count_down = 0xb0;  // low byte, then high byte; mode 0
constexpr std::uint8_t channel2_latch = 0x80;
constexpr std::uint8_t channel2_read_status = 0xe8;  // the read-back command, status only
constexpr std::uint8_t status_out = 0x80;            // in mode 0: it has counted to the end
constexpr std::uint8_t gate_open = 1, speaker_on = 2;
constexpr std::uint64_t frequency_hz = 1'193'182;
constexpr std::uint32_t measured_counts = frequency_hz / 100;
constexpr int most_tries = 100;

std::uint32_t read_count() {
    arch::out8(mode_port, channel2_latch);
    std::uint32_t low = arch::in8(channel2_port);
    return low | std::uint32_t{arch::in8(channel2_port)} << 8;
}

bool has_reached_end() {
    arch::out8(mode_port, channel2_read_status);
    return (arch::in8(channel2_port) & status_out) != 0;
}

void start() {
    arch::out8(gate_port, static_cast<std::uint8_t>((arch::in8(gate_port) & ~speaker_on) | gate_open));
    arch::out8(mode_port, channel2_count_down);
    arch::out8(channel2_port, 0xff);
    arch::out8(channel2_port, 0xff);
}

bool is_counting() {
    std::uint32_t begin = read_count();
    constexpr int most_reads = 100'000;
    for (int i = 0; i < most_reads; ++i) {
        if (read_count() != begin) return true;
    }
    return false;
}

}  // namespace

std::uint64_t measure_tsc_hz() {
    start();
    if (!is_counting()) return 0;
    // Its 16 bits last 55 ms. Where the host stops the vCPU for longer, the end of the count tells.
    for (int i = 0; i < most_tries; ++i) {
        start();
        CounterSample first = sample_counter(read_count);
        while (read_count() + measured_counts > first.count && !has_reached_end()) {
        }
        CounterSample last = sample_counter(read_count);
        if (has_reached_end() || last.count >= first.count) continue;
        return (last.tsc - first.tsc) * frequency_hz / (first.count - last.count);
    }
    return 0;
}

}  // namespace husk::interval_timer
