// SPDX-License-Identifier: Apache-2.0
// The image's patch table, applied in guest memory.
#pragma once

#include "launcher/image/image.hpp"
#include "launcher/memory/guest_memory.hpp"

namespace husk::boot {

// Writes a jump over each site and marks the table as applied; the segments are in memory. Throws host::Error with
// patch_table: a site that is not wholly inside one executable segment, a stub outside, a length out of bounds, an
// overlap.
void apply_patches(const image::Image& image, const memory::GuestMemory& memory);

}  // namespace husk::boot
