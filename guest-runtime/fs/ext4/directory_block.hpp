// SPDX-License-Identifier: Apache-2.0
// A block of directory entries: a chain of records that fills the block, behind which comes the checksum.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "guest-runtime/fs/ext4/bytes.hpp"
#include "guest-runtime/fs/ext4/superblock.hpp"
#include "guest-runtime/fs/open_flags.hpp"

namespace husk::fs::ext4 {

struct DirectoryEntry {
    std::uint32_t offset = 0;
    std::uint32_t record_bytes = 0;
    std::uint32_t inode = 0;  // 0: a free record
    FileType type = FileType::none;
    std::string_view name;  // in the block

    [[nodiscard]] std::uint32_t end() const { return offset + record_bytes; }
};

// The byte of an entry that says what it leads to, and back; `none` for a byte that is not known.
std::uint8_t entry_type_byte(FileType type);
FileType entry_type(std::uint8_t byte);

// A view of a block that check() has found sound.
class DirectoryBlock {
public:
    static constexpr std::uint32_t header_bytes = 8, tail_bytes = 12;
    static constexpr std::uint32_t record_bytes_for(std::size_t name_bytes) {
        return static_cast<std::uint32_t>((header_bytes + name_bytes + 3) & ~std::size_t{3});
    }

    DirectoryBlock(Bytes bytes, const Superblock& superblock)
        : bytes_(bytes), area_bytes_(area_of(superblock)), superblock_(superblock) {}

    // EUCLEAN: records that overlap, do not fill the block, or hold impossible names or inodes; a wrong checksum.
    static Result<> check(ConstBytes bytes, std::uint32_t seed, const Superblock& superblock);
    // One free record.
    void format();
    // The entries "." and ".." of a new directory; the second one's record reaches to `end`.
    void format_first(std::uint32_t own, std::uint32_t parent, std::uint32_t end);
    // The inode of ".." in a directory's first block, which may be an index's root. None: there are no such entries.
    static std::optional<std::uint32_t> parent_in(ConstBytes bytes);
    static constexpr std::uint32_t parent_offset = 12;
    [[nodiscard]] std::uint32_t area_bytes() const { return area_bytes_; }

    // The entry at `offset`, where one begins; at area_bytes(): none.
    [[nodiscard]] std::optional<DirectoryEntry> at(std::uint32_t offset) const;
    [[nodiscard]] std::optional<DirectoryEntry> find(std::string_view name) const;
    // Whether insert() of such a name will find room.
    [[nodiscard]] bool has_room(std::size_t name_bytes) const;
    bool insert(std::string_view name, std::uint32_t inode, FileType type);
    // Gives the record to the one in front.
    void remove(std::uint32_t offset);
    void point(std::uint32_t offset, std::uint32_t inode, FileType type);
    [[nodiscard]] bool is_empty() const;  // nothing but "." and ".."

    void seal(std::uint32_t seed);

private:
    static std::uint32_t area_of(const Superblock& superblock) {
        return superblock.block_bytes - (superblock.has_checksums() ? tail_bytes : 0);
    }
    // The free record, or the used one with enough slack, that such a name fits in.
    [[nodiscard]] std::optional<DirectoryEntry> find_room(std::size_t name_bytes) const;
    void put(std::uint32_t offset, std::uint32_t record_bytes, std::uint32_t inode, FileType type,
             std::string_view name);

    Bytes bytes_;
    std::uint32_t area_bytes_;
    const Superblock& superblock_;
};

}  // namespace husk::fs::ext4
