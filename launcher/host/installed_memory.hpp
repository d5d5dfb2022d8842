// SPDX-License-Identifier: Apache-2.0
// How much memory this host has.
#pragma once

#include <cstdint>

namespace husk::host {

// Bytes of RAM; 0 when the kernel does not say.
[[nodiscard]] std::uint64_t installed_memory_bytes();

}  // namespace husk::host
