// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/group_descriptor.hpp"

#include "guest-runtime/base/crc32c.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::size_t checksum_offset = 0x1e;
constexpr std::uint32_t wide_bytes = 64;

std::uint16_t checksum_of(ConstBytes bytes, std::uint32_t group, const Superblock& superblock) {
    std::uint32_t crc = crc32c_of(superblock.checksum_seed, group);
    crc = crc32c(crc, bytes.first(checksum_offset));
    crc = crc32c_of(crc, std::uint16_t{0});
    return low_word(crc32c(crc, bytes.subspan(checksum_offset + 2)));
}

std::uint32_t bitmap_checksum(ConstBytes bitmap, std::uint32_t bits, const Superblock& superblock) {
    std::uint32_t crc = crc32c(superblock.checksum_seed, bitmap.first(bits / 8));
    return superblock.descriptor_bytes >= wide_bytes ? crc : crc & 0xffff;
}

}  // namespace

Result<GroupDescriptor> parse_group(ConstBytes bytes, std::uint32_t group, const Superblock& superblock) {
    if (superblock.has_checksums() &&
        checksum_of(bytes, group, superblock) != load<std::uint16_t>(bytes, checksum_offset)) {
        return Errno::euclean;
    }
    bool wide = superblock.descriptor_bytes >= wide_bytes;
    auto place = [&](std::size_t low, std::size_t high) {
        return join(load<std::uint32_t>(bytes, low), wide ? load<std::uint32_t>(bytes, high) : 0);
    };
    auto count = [&](std::size_t low, std::size_t high) {
        std::uint32_t upper = wide ? load<std::uint16_t>(bytes, high) : 0;
        return load<std::uint16_t>(bytes, low) | upper << 16;
    };
    GroupDescriptor to = {.block_bitmap = place(0x00, 0x20),
                          .inode_bitmap = place(0x04, 0x24),
                          .inode_table = place(0x08, 0x28),
                          .free_blocks = count(0x0c, 0x2c),
                          .free_inodes = count(0x0e, 0x2e),
                          .directories = count(0x10, 0x30),
                          .unused_inodes = count(0x1c, 0x32),
                          .block_bitmap_checksum = count(0x18, 0x38),
                          .inode_bitmap_checksum = count(0x1a, 0x3a),
                          .flags = load<std::uint16_t>(bytes, 0x12)};
    bool sound = superblock.is_block(to.block_bitmap) && superblock.is_block(to.inode_bitmap) &&
                 superblock.are_blocks(to.inode_table, superblock.inode_table_blocks()) &&
                 to.free_blocks <= superblock.blocks_in_group(group) && to.free_inodes <= superblock.inodes_per_group &&
                 to.unused_inodes <= superblock.inodes_per_group;
    // Without checksums the uninit flags and counts mean nothing.
    if (!superblock.has_checksums()) {
        to.flags = 0;
        to.unused_inodes = 0;
    }
    return sound ? Result<GroupDescriptor>(to) : Errno::euclean;
}

void store_group(const GroupDescriptor& from, Bytes bytes, std::uint32_t group, const Superblock& superblock) {
    bool wide = superblock.descriptor_bytes >= wide_bytes;
    auto put = [&](std::size_t low, std::size_t high, std::uint32_t value) {
        store<std::uint16_t>(bytes, low, low_word(value));
        if (wide) store<std::uint16_t>(bytes, high, high_word(value));
    };
    put(0x0c, 0x2c, from.free_blocks);
    put(0x0e, 0x2e, from.free_inodes);
    put(0x10, 0x30, from.directories);
    if (!superblock.has_checksums()) return;
    put(0x1c, 0x32, from.unused_inodes);
    put(0x18, 0x38, from.block_bitmap_checksum);
    put(0x1a, 0x3a, from.inode_bitmap_checksum);
    std::uint16_t kept = load<std::uint16_t>(bytes, 0x12) & ~(group_flag::inode_uninit | group_flag::block_uninit);
    store<std::uint16_t>(bytes, 0x12, static_cast<std::uint16_t>(kept | (from.flags & 3)));
    store<std::uint16_t>(bytes, checksum_offset, checksum_of(bytes, group, superblock));
}

std::uint32_t block_bitmap_checksum(ConstBytes bitmap, const Superblock& superblock) {
    return bitmap_checksum(bitmap, superblock.blocks_per_group, superblock);
}

std::uint32_t inode_bitmap_checksum(ConstBytes bitmap, const Superblock& superblock) {
    return bitmap_checksum(bitmap, superblock.inodes_per_group, superblock);
}

}  // namespace husk::fs::ext4
