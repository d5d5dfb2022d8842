// SPDX-License-Identifier: Apache-2.0
// The choice of pages that back guest RAM.
#pragma once

#include <cstdint>

#include "launcher/config/launch_config.hpp"
#include "launcher/host/mapping.hpp"
#include "launcher/memory/guest_memory.hpp"

namespace husk::memory {

struct BackedMapping {
    host::Mapping mapping;
    std::uint64_t size_bytes;  // what of the mapping is RAM
    Backing backing;
};

// Maps size_bytes, rounded up to pages, as `wish` says. Throws host::Error as GuestMemory::create does.
[[nodiscard]] BackedMapping create_backing(std::uint64_t size_bytes, config::HugePages wish,
                                           const config::MemoryPlacement& placement);

}  // namespace husk::memory
