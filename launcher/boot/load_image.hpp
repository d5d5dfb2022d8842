// SPDX-License-Identifier: Apache-2.0
// The image's segments on their way into guest memory.
#pragma once

#include "launcher/image/image.hpp"
#include "launcher/memory/guest_memory.hpp"

namespace husk::boot {

// Reads every segment to where it is linked; memory is still zero. Throws host::Error when the image does not fit,
// became shorter meanwhile, or cannot be read.
void load_image(const image::Image& image, const memory::GuestMemory& memory);

}  // namespace husk::boot
