// SPDX-License-Identifier: Apache-2.0
// Whether the host can give a VM the virtual CPUs and the places for them that it is to have.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "launcher/config/launch_config.hpp"
#include "launcher/kvm/system.hpp"

namespace husk::run {

// Throws host::Error: placement. Before anything is made.
void check_pins(const config::LaunchConfig& config);

// The same for their number; on_warning hears when they will have to share CPUs.
void check_cpu_count(std::uint32_t cpus, const kvm::System& system,
                     const std::function<void(std::string_view)>& on_warning);

// The ceiling is a promise, and whether the host can keep it is the operator's choice: on_warning hears when it is more
// than the host has.
void check_memory(std::uint64_t memory_bytes, const std::function<void(std::string_view)>& on_warning);

}  // namespace husk::run
