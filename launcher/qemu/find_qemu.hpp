// SPDX-License-Identifier: Apache-2.0
// The QEMU that this host has installed.
#pragma once

#include <filesystem>
#include <optional>

namespace husk::qemu {

inline constexpr const char* program_name = "qemu-system-x86_64";

// The first executable of that name in PATH.
[[nodiscard]] std::optional<std::filesystem::path> find_qemu();

// The same; throws host::Error (no_qemu) when there is none.
[[nodiscard]] std::filesystem::path require_qemu();

}  // namespace husk::qemu
