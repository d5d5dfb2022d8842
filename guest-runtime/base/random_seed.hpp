// SPDX-License-Identifier: Apache-2.0
// What the random generator starts from.
#pragma once

#include <cstdint>
#include <span>

namespace husk {

// Mixes the launcher's bytes with the CPU's own generator where there is one, so that neither alone decides. Before the
// first fill_random().
void seed_random(std::span<const std::uint8_t, 32> seed, bool has_random_instruction);

}  // namespace husk
