// SPDX-License-Identifier: Apache-2.0
// The names of ext4's feature bits, as mke2fs and dumpe2fs spell them.
#pragma once

#include <cstdint>
#include <string_view>

namespace husk::fs::ext4 {

// The name of the lowest bit in `features` that this implementation does not know; empty when it knows them all.
std::string_view unknown_incompatible(std::uint32_t features);
std::string_view unknown_read_only(std::uint32_t features);

}  // namespace husk::fs::ext4
