// SPDX-License-Identifier: Apache-2.0
// The ring that carries records of system calls to our launcher (abi::TraceRing).
#pragma once

#include <cstddef>
#include <span>

namespace husk::trace_ring {

// Waits for the launcher when the ring is full. False: there is no memory for a ring.
bool write(std::span<const std::byte> record);

}  // namespace husk::trace_ring
