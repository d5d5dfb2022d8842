// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/interval_timer.hpp"

#include "guest-runtime/arch/cpu.hpp"

namespace husk::interval_timer {

namespace {

constexpr std::uint16_t channel2_port = 0x42, mode_port = 0x43, gate_port = 0x61;
constexpr std::uint8_t channel2_count_down = 0xb0;  // low byte, then high byte; mode 0
constexpr std::uint8_t channel2_latch = 0x80;
constexpr std::uint8_t gate_open = 1, speaker_on = 2;
constexpr std::uint64_t frequency_hz = 1'193'182;
constexpr std::uint16_t measured_counts = frequency_hz / 100;

struct Sample {
    std::uint64_t tsc;
    std::uint64_t gap;  // TSC ticks within which the count was taken
    std::uint16_t count;
};

Sample take_sample() {
    std::uint64_t before = arch::read_tsc();
    arch::out8(mode_port, channel2_latch);
    std::uint64_t after = arch::read_tsc();
    unsigned low = arch::in8(channel2_port);
    unsigned high = arch::in8(channel2_port);
    return {before + (after - before) / 2, after - before, static_cast<std::uint16_t>(high << 8 | low)};
}

// Of several, the one that the host interrupted least.
Sample take_good_sample() {
    Sample best = take_sample();
    for (int i = 0; i < 8; ++i) {
        Sample next = take_sample();
        if (next.gap < best.gap) best = next;
    }
    return best;
}

}  // namespace

std::uint64_t measure_tsc_hz() {
    arch::out8(gate_port, static_cast<std::uint8_t>((arch::in8(gate_port) & ~speaker_on) | gate_open));
    arch::out8(mode_port, channel2_count_down);
    arch::out8(channel2_port, 0xff);
    arch::out8(channel2_port, 0xff);
    Sample first = take_good_sample();
    Sample last = first;
    constexpr int samples_without_change = 100'000;
    for (int unchanged = 0; first.count - last.count < measured_counts;) {
        Sample next = take_sample();
        unchanged = next.count == last.count ? unchanged + 1 : 0;
        // It counts down; one that went up is gone round or was never there.
        if (unchanged == samples_without_change || next.count > first.count) return 0;
        last = next;
    }
    last = take_good_sample();
    if (last.count >= first.count) return 0;
    return (last.tsc - first.tsc) * frequency_hz / static_cast<std::uint64_t>(first.count - last.count);
}

}  // namespace husk::interval_timer
