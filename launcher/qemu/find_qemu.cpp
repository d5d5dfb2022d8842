// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/find_qemu.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"

namespace husk::qemu {

std::optional<std::filesystem::path> find_qemu() {
    const char* variable = std::getenv("PATH");
    std::string_view folders = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
    while (!folders.empty()) {
        const std::string_view folder = folders.substr(0, folders.find(':'));
        folders.remove_prefix(std::min(folders.size(), folder.size() + 1));
        std::filesystem::path program = std::filesystem::path(folder.empty() ? "." : folder) / program_name;
        if (access(program.c_str(), X_OK) == 0) return program;
    }
    return std::nullopt;
}

std::filesystem::path require_qemu() {
    if (const auto program = find_qemu()) return *program;
    throw host::Error(
        host::ExitCode::no_qemu,
        config::fill_in("{} is not installed: install it (as root: apt install qemu-system-x86), or run on KVM "
                        "('husk doctor' tells how)",
                        program_name));
}

}  // namespace husk::qemu
