// SPDX-License-Identifier: Apache-2.0
// First touches of anonymous memory, by many vCPUs at once: each holds the address space's lock together with the
// others, and the lock of the 2 MiB that it fills.
#pragma once

#include <cstdint>
#include <optional>

#include "guest-runtime/memory/address_space.hpp"

namespace husk::memory {

// No lock held. Nothing: only who holds the address space's lock alone can say or do it.
std::optional<FaultAnswer> try_attach_together(std::uint64_t va, Access access);
// What [begin, end) gets in advance when it has become writable. What fails here is tried again by the fault.
void attach_eagerly(std::uint64_t begin, std::uint64_t end);

}  // namespace husk::memory
