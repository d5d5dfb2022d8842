// SPDX-License-Identifier: Apache-2.0
// /dev/null, zero, full, random and urandom.
#pragma once

namespace husk::fs {

void register_memory_devices();

}  // namespace husk::fs
