// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/serial_port.hpp"

#include <algorithm>

#include "guest-runtime/arch/cpu.hpp"

namespace husk {

namespace {

// Register offsets; the first two are the divisor's bytes while divisor_access is set.
constexpr std::uint16_t data = 0, interrupt_enable = 1, interrupt_identity = 2, fifo_control = 2, line_control = 3,
                        modem_control = 4, line_status = 5, modem_status = 6;
constexpr std::uint8_t divisor_access = 0x80, eight_bits = 0x03;
constexpr std::uint8_t fifo_enable = 0x01, fifo_threshold_14 = 0xc0;
constexpr std::uint8_t terminal_ready = 0x01, request_to_send = 0x02, interrupt_line_on = 0x08;  // DTR, RTS, OUT2
constexpr std::uint8_t data_ready = 0x01, holding_empty = 0x20;
constexpr std::uint8_t no_interrupt = 0x01, identity_mask = 0x0e, fifos_on = 0xc0;
constexpr std::uint8_t identity_room = 0x02, identity_input = 0x04, identity_timeout = 0x0c;
constexpr std::size_t fifo_bytes = 16;

std::uint16_t at(std::uint16_t base, std::uint16_t offset) { return static_cast<std::uint16_t>(base + offset); }

}  // namespace

bool SerialPort::initialise() {
    if (arch::in8(at(base_, line_status)) == 0xff) return false;
    arch::out8(at(base_, interrupt_enable), 0);
    arch::out8(at(base_, line_control), divisor_access);
    arch::out8(at(base_, data), 1);
    arch::out8(at(base_, interrupt_enable), 0);
    arch::out8(at(base_, line_control), eight_bits);
    arch::out8(at(base_, modem_control), terminal_ready | request_to_send | interrupt_line_on);
    arch::out8(at(base_, fifo_control), fifo_enable | fifo_threshold_14);
    bool has_fifo = (arch::in8(at(base_, interrupt_identity)) & fifos_on) == fifos_on;
    room_when_empty_ = has_fifo ? fifo_bytes : 1;
    return true;
}

std::size_t SerialPort::write(std::span<const std::byte> bytes) {
    if ((arch::in8(at(base_, line_status)) & holding_empty) == 0) return 0;
    std::size_t count = std::min(bytes.size(), room_when_empty_);
    arch::out8_string(at(base_, data), bytes.data(), count);
    return count;
}

bool SerialPort::take(std::uint8_t& byte) {
    if ((arch::in8(at(base_, line_status)) & data_ready) == 0) return false;
    byte = arch::in8(at(base_, data));
    return true;
}

// The handler and the code it interrupts both come here. Whoever is last may write what the other has just changed
// back: an event too many, which the handler turns off again.
void SerialPort::want(std::uint8_t event, bool wanted) {
    if (wanted) {
        wanted_events_.fetch_or(event, std::memory_order_relaxed);
    } else {
        wanted_events_.fetch_and(static_cast<std::uint8_t>(~event), std::memory_order_relaxed);
    }
    // On two CPUs at once, too, what the register holds in the end is what is wanted in the end.
    std::uint8_t events = 0;
    do {
        events = wanted_events_.load(std::memory_order_seq_cst);
        arch::out8(at(base_, interrupt_enable), events);
    } while (events != wanted_events_.load(std::memory_order_seq_cst));
}

SerialPort::Event SerialPort::next_event() {
    std::uint8_t identity = arch::in8(at(base_, interrupt_identity));
    if ((identity & no_interrupt) != 0) return Event::none;
    switch (identity & identity_mask) {
        case identity_input:
        case identity_timeout:
            return Event::input;
        case identity_room:
            return Event::room;
        default:
            // Line or modem status, which reading acknowledges.
            (void)arch::in8(at(base_, line_status));
            (void)arch::in8(at(base_, modem_status));
            return Event::other;
    }
}

}  // namespace husk
