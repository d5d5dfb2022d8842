// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/system_zone.hpp"

namespace husk::fs::ext4 {

Result<> SystemZone::add_group(std::uint32_t group, const GroupDescriptor& descriptor) {
    if (superblock_.has_backup(group)) {
        HUSK_TRY(add(superblock_.group_start(group),
                     1 + superblock_.descriptor_blocks() + superblock_.reserved_descriptor_blocks));
    }
    HUSK_TRY(add(descriptor.block_bitmap, 1));
    HUSK_TRY(add(descriptor.inode_bitmap, 1));
    return add(descriptor.inode_table, superblock_.inode_table_blocks());
}

bool SystemZone::allows(std::uint64_t first, std::uint64_t count) const {
    if (!superblock_.are_blocks(first, count)) return false;
    RangeSet::Run run = own_.run_at(first);
    return !run.inside && first + count <= run.end;
}

}  // namespace husk::fs::ext4
