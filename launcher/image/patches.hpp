// SPDX-License-Identifier: Apache-2.0
// The patch table of an image, read from the segment that holds it.
#pragma once

#include <span>
#include <string_view>

#include "launcher/image/byte_source.hpp"
#include "launcher/image/image.hpp"

namespace husk::image {

// Fills Image::patch_header and Image::patches; both stay empty when the note names no table. Throws host::Error.
void read_patches(const ByteSource& source, Image& image, std::string_view name);

}  // namespace husk::image
