// SPDX-License-Identifier: Apache-2.0
// The runtime's own heap, behind `new (std::nothrow)` and `delete`.
#pragma once

#include <cstddef>

namespace husk::heap {

// `size_bytes` of memory aligned to 16 (to 4096 from 4096 bytes on), not zeroed; nullptr when there is none left.
void* allocate(std::size_t size_bytes);
// `size_bytes` is what was asked of allocate().
void release(void* block, std::size_t size_bytes);

}  // namespace husk::heap
