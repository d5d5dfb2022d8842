// SPDX-License-Identifier: Apache-2.0
// Carries bytes from one of QEMU's channels to one of the launcher's streams without ever blocking.
#pragma once

#include <poll.h>

#include <string>

namespace husk::qemu {

class OutputPump final {
public:
    OutputPump(int from, int to) : from_(from), to_(to) {}

    // What to poll for next; fd is -1 when there is nothing left to do.
    [[nodiscard]] pollfd interest() const;

    // Moves what is there. False once the reader of the stream has gone (EPIPE); what follows is thrown away.
    [[nodiscard]] bool on_ready();

    [[nodiscard]] bool is_finished() const { return ended_ && pending_.empty(); }

private:
    void fill();
    [[nodiscard]] bool flush();

    int from_;
    int to_;
    std::string pending_;
    bool ended_ = false;
    bool reader_gone_ = false;
};

}  // namespace husk::qemu
