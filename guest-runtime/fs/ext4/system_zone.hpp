// SPDX-License-Identifier: Apache-2.0
// Which blocks can belong to files: those on the disk that are none of the file system's own, which are superblock and
// descriptors with their copies, bitmaps, inode tables and the journal [Linux: fs/ext4/block_validity.c].
#pragma once

#include <cstdint>

#include "guest-runtime/fs/ext4/group_descriptor.hpp"
#include "guest-runtime/fs/ext4/range_set.hpp"

namespace husk::fs::ext4 {

// Filled while mounting, not changed after that. Without it a tree with right checksums could lead writes of a file
// into a bitmap, and its removal could free an inode table.
class SystemZone {
public:
    explicit SystemZone(const Superblock& superblock) : superblock_(superblock) {}

    // ENOMEM.
    Result<> add(std::uint64_t first, std::uint64_t count) { return own_.insert(first, first + count); }
    Result<> add_group(std::uint32_t group, const GroupDescriptor& descriptor);

    [[nodiscard]] bool allows(std::uint64_t first, std::uint64_t count = 1) const;

private:
    const Superblock& superblock_;
    RangeSet own_;
};

}  // namespace husk::fs::ext4
