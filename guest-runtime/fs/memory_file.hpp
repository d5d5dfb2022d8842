// SPDX-License-Identifier: Apache-2.0
// Files of memfd_create(2): regular files without a name that can be sealed.
#pragma once

#include <string_view>

#include "guest-runtime/fs/file.hpp"

namespace husk::fs {

Result<RefPtr<File>> make_memory_file(std::string_view name, bool may_be_sealed);

// F_ADD_SEALS, F_GET_SEALS.
Result<> add_seals(File& file, std::uint32_t seals);
Result<long> seals_of(File& file);

namespace seal {
inline constexpr std::uint32_t seal = 1, shrink = 2, grow = 4, write = 8, future_write = 16, all = 31;
}

}  // namespace husk::fs
