// SPDX-License-Identifier: Apache-2.0
// The hashes by which a directory's index orders names.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "guest-runtime/fs/ext4/superblock.hpp"

namespace husk::fs::ext4 {

// The lowest bit of `major` is 0: the index keeps a mark there.
struct NameHash {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;

    friend constexpr bool operator<(const NameHash& a, const NameHash& b) {
        return a.major != b.major ? a.major < b.major : a.minor < b.minor;
    }
};

// `version` as in the index's root (0 legacy, 1 half MD4, 2 TEA, 3 to 5 the same with unsigned characters); for an
// index, add 3 to 0..2 when the superblock says so. None for a version that is not known.
std::optional<NameHash> hash_name(std::string_view name, std::uint8_t version, const Superblock& superblock);

}  // namespace husk::fs::ext4
