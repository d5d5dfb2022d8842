// SPDX-License-Identifier: Apache-2.0
// The number of the contract between an image and a launcher.
#pragma once

#include <cstdint>

namespace husk::abi {

// Any change to a struct, constant or rule in this folder bumps it; a launcher refuses an image with another number.
inline constexpr std::uint32_t abi_number = 7;

}  // namespace husk::abi
