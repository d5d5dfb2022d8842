// SPDX-License-Identifier: Apache-2.0
// A 16550 UART: bytes out when it has room, bytes in by interrupt [16550].
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace husk {

inline constexpr std::uint16_t serial_ports_each = 8;

class SerialPort {
public:
    explicit constexpr SerialPort(std::uint16_t base) : base_(base) {}

    void move_to(std::uint16_t base) { base_ = base; }

    // 115200 baud, 8 bits, FIFOs on. Bytes received before are kept only if take() took them. False: no such port.
    bool initialise();

    // Bytes that the port took at once; 0 while it is busy.
    std::size_t write(std::span<const std::byte> bytes);
    // The next byte received, if there is one.
    bool take(std::uint8_t& byte);

    // Which events interrupt.
    void want_input(bool wanted) { want(input_event, wanted); }
    void want_room(bool wanted) { want(room_event, wanted); }
    // In the handler, until it says none: an interrupt that stays pending never comes again.
    enum class Event { none, input, room, other };
    Event next_event();

private:
    static constexpr std::uint8_t input_event = 1, room_event = 2;
    void want(std::uint8_t event, bool wanted);

    std::uint16_t base_;
    std::size_t room_when_empty_ = 1;
    std::atomic<std::uint8_t> wanted_events_ = 0;
};

}  // namespace husk
