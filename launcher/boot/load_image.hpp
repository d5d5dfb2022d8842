// SPDX-License-Identifier: Apache-2.0
// The image's segments and patches, brought into guest memory.
#pragma once

#include "launcher/image/image.hpp"
#include "launcher/memory/guest_memory.hpp"

namespace husk::boot {

// Reads the segments to where they are linked (memory is still zero). Throws host::Error.
void load_segments(const image::Image& image, const memory::GuestMemory& memory);

// Writes a jump over each site and marks the table as applied. Throws host::Error with patch_table: a site that is not
// wholly inside one executable segment, a stub outside, a length out of bounds, an overlap.
void apply_patches(const image::Image& image, const memory::GuestMemory& memory);

}  // namespace husk::boot
