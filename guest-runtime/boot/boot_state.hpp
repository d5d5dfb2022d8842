// SPDX-License-Identifier: Apache-2.0
// What the launcher said about this run, kept for those who are asked later.
#pragma once

#include <cstdint>
#include <string_view>

#include <husk/abi/boot_info.hpp>

namespace husk::boot {

const abi::BootInfo& boot_info();
[[nodiscard]] bool is_verbose();

// NUL-terminated strings one after the other.
std::string_view argument_block();
std::string_view environment_block();
std::string_view working_directory();
std::string_view image_path();

}  // namespace husk::boot
