// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/read_text_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "launcher/config/config_file.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::config {

std::string read_text_file(const std::filesystem::path& path) {
    const auto refuse = [&](std::string_view what) {
        throw host::Error(host::ExitCode::config_file,
                          fill_in("cannot read the configuration file {}: {}; check --config", path.native(), what));
    };
    const host::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) refuse(std::strerror(errno));

    std::string text;
    for (;;) {
        const std::size_t old_size = text.size();
        if (old_size > config_file_bytes_max) refuse("it is larger than 1 MiB");
        text.resize(old_size + 4096);
        const ssize_t got = read(file.get(), text.data() + old_size, 4096);
        if (got < 0 && errno != EINTR) refuse(std::strerror(errno));
        text.resize(old_size + static_cast<std::size_t>(got > 0 ? got : 0));
        if (got == 0) return text;
    }
}

}  // namespace husk::config
