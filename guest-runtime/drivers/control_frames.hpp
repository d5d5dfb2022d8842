// SPDX-License-Identifier: Apache-2.0
// Takes the frames apart that a launcher sends into the control serial port.
//
//   'I' low high bytes...   stdin: the answer to "read N", 1..N bytes, their number little-endian
//   'E'                     stdin: the answer to "read N" at the end of input
//   'S' number              a signal for the application
#pragma once

#include <cstdint>

namespace husk {

class ControlFrames {
public:
    enum class Kind : std::uint8_t { incomplete, input_byte, last_input_byte, end_of_input, signal };
    struct Piece {
        Kind kind;
        std::uint8_t value;  // the byte of stdin, the signal's number
    };

    constexpr Piece take(std::uint8_t byte) {
        switch (state_) {
            case State::type:
                return begin(byte);
            case State::low:
                left_ = byte;
                state_ = State::high;
                return {Kind::incomplete, 0};
            case State::high:
                left_ = static_cast<std::uint16_t>(left_ | byte << 8);
                state_ = left_ != 0 ? State::bytes : State::type;
                return {Kind::incomplete, 0};
            case State::bytes:
                if (--left_ != 0) return {Kind::input_byte, byte};
                state_ = State::type;
                return {Kind::last_input_byte, byte};
            default:
                state_ = State::type;
                return {Kind::signal, byte};
        }
    }

private:
    enum class State : std::uint8_t { type, low, high, bytes, signal };

    // A byte that begins no frame is skipped.
    constexpr Piece begin(std::uint8_t byte) {
        if (byte == 'E') return {Kind::end_of_input, 0};
        if (byte == 'I') state_ = State::low;
        if (byte == 'S') state_ = State::signal;
        return {Kind::incomplete, 0};
    }

    State state_ = State::type;
    std::uint16_t left_ = 0;
};

}  // namespace husk
