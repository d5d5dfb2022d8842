// SPDX-License-Identifier: Apache-2.0
// `husk run`: an image on the accelerator that was asked for, to its exit code.
#pragma once

#include "launcher/config/launch_config.hpp"

namespace husk::cli {

// What the launcher exits with; the caller ends the process with it, which takes down the VM. Throws host::Error.
[[nodiscard]] int run_image(const config::LaunchConfig& config);

}  // namespace husk::cli
