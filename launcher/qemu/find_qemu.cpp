// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/find_qemu.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

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

}  // namespace husk::qemu
