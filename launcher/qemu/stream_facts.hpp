// SPDX-License-Identifier: Apache-2.0
// What the launcher's own stdin, stdout and stderr are.
#pragma once

#include "launcher/qemu/kernel_line.hpp"

namespace husk::qemu {

[[nodiscard]] StreamFacts examine_streams();

}  // namespace husk::qemu
