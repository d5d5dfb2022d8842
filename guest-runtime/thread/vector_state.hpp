// SPDX-License-Identifier: Apache-2.0
// Memory for XSAVE images, whose size the CPU decides.
#pragma once

#include <cstddef>
#include <cstdint>

namespace husk::thread {

// Once at boot: the standard-format size for the enabled state components, and those components.
void initialise_vector_state(std::size_t xsave_size_bytes, std::uint64_t xcr0);
std::size_t vector_area_bytes();
std::uint64_t vector_components();

// 64-byte aligned and zero, or nullptr.
void* allocate_vector_area();
void release_vector_area(void* area);

}  // namespace husk::thread
