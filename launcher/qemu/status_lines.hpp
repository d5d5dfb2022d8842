// SPDX-License-Identifier: Apache-2.0
// What a guest under QEMU tells the launcher, as lines of text on the status port.
//
//   exit N      the application ended with status N; the guest ends QEMU next
//   signal N    the application died of signal N; likewise
//   panic       the runtime failed and has said why on stderr; likewise
//   read N      the application waits for stdin: answer with one frame of 1..N bytes, or of end of input
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace husk::qemu {

struct StatusLine {
    enum class Kind { exit, signal, panic, read };
    Kind kind = Kind::exit;
    std::uint32_t value = 0;
};

// Nothing for a line that no correct guest sends. Status is 0..255, signal 1..64, a read 1..65535 bytes.
[[nodiscard]] std::optional<StatusLine> parse_status_line(std::string_view line);

// Cuts the stream of bytes into lines. A line that is too long is dropped.
class StatusReader final {
public:
    [[nodiscard]] std::vector<StatusLine> take(std::string_view bytes);

private:
    std::string line_;
};

}  // namespace husk::qemu
