// SPDX-License-Identifier: Apache-2.0
// Random bytes fit for keys.
#pragma once

#include <cstddef>
#include <span>

namespace husk {

void fill_random(std::span<std::byte> to);

}  // namespace husk
