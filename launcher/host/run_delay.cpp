// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/run_delay.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>

namespace husk::host {

RunDelay::RunDelay() : file_(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}

RunTimes RunDelay::times() const {
    std::array<char, 96> text;
    const ssize_t length = ::pread(file_.get(), text.data(), text.size(), 0);
    RunTimes times;
    if (length <= 0) return times;
    const char* const end = text.data() + length;
    const std::from_chars_result first = std::from_chars(text.data(), end, times.ran_ns);
    if (first.ptr != end) std::from_chars(first.ptr + 1, end, times.waited_ns);
    return times;
}

}  // namespace husk::host
