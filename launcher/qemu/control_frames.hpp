// SPDX-License-Identifier: Apache-2.0
// What the launcher sends to a guest under QEMU, as frames into the control serial port.
//
//   'I' low high bytes...   stdin: the answer to `read N`, 1..N bytes, their number little-endian
//   'E'                     stdin: the answer to `read N` at the end of input
//   'S' number              a signal for the application
#pragma once

#include <string>
#include <string_view>

namespace husk::qemu {

[[nodiscard]] inline std::string make_input_frame(std::string_view bytes) {
    std::string frame = "I";
    frame += static_cast<char>(bytes.size() & 0xff);
    frame += static_cast<char>(bytes.size() >> 8);
    return frame.append(bytes);
}

[[nodiscard]] inline std::string make_end_frame() { return "E"; }

[[nodiscard]] inline std::string make_signal_frame(int signal) { return {'S', static_cast<char>(signal)}; }

}  // namespace husk::qemu
