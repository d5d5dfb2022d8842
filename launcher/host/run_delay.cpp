// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/run_delay.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string_view>

namespace husk::host {

RunDelay::RunDelay() : file_(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}

std::uint64_t RunDelay::ns() const {
    std::array<char, 96> text;
    const ssize_t length = ::pread(file_.get(), text.data(), text.size(), 0);
    if (length <= 0) return 0;
    const std::string_view numbers(text.data(), static_cast<std::size_t>(length));
    const std::size_t second = numbers.find(' ') + 1;
    std::uint64_t ns = 0;
    std::from_chars(numbers.data() + second, numbers.data() + numbers.size(), ns);
    return ns;
}

}  // namespace husk::host
