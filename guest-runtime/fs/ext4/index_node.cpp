// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/index_node.hpp"

#include "guest-runtime/base/crc32c.hpp"
#include "guest-runtime/base/panic.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::uint8_t header_bytes = 8;
constexpr std::uint8_t deepest_index = 2;

std::size_t limit_of(std::size_t offset, const Superblock& superblock) {
    return (superblock.block_bytes - offset - (superblock.has_checksums() ? 8 : 0)) / 8;
}

std::uint32_t checksum_of(ConstBytes bytes, std::size_t offset, std::uint32_t seed) {
    std::size_t count = load<std::uint16_t>(bytes, offset + 2);
    std::size_t tail = offset + std::size_t{load<std::uint16_t>(bytes, offset)} * 8;
    std::uint32_t crc = crc32c(seed, bytes.first(offset + count * 8));
    crc = crc32c(crc, bytes.subspan(tail, 4));
    return crc32c_of(crc, std::uint32_t{0});
}

}  // namespace

IndexNode IndexNode::format_root(Bytes bytes, const IndexHeader& header, const Superblock& superblock) {
    store<std::uint32_t>(bytes, 24, 0);
    store<std::uint8_t>(bytes, 28, header.hash_version);
    store<std::uint8_t>(bytes, 29, header_bytes);
    store<std::uint8_t>(bytes, 30, header.levels);
    store<std::uint8_t>(bytes, 31, 0);
    store<std::uint16_t>(bytes, root_offset, low_word(limit_of(root_offset, superblock)));
    store<std::uint16_t>(bytes, root_offset + 2, 0);
    return {bytes, true};
}

IndexNode IndexNode::format_node(Bytes bytes, const Superblock& superblock) {
    std::memset(bytes.data(), 0, bytes.size());
    store<std::uint16_t>(bytes, 4, low_word(superblock.block_bytes));
    store<std::uint16_t>(bytes, node_offset, low_word(limit_of(node_offset, superblock)));
    return {bytes, false};
}

bool IndexNode::is_shaped(ConstBytes bytes, bool is_root, const Superblock& superblock) {
    std::size_t offset = is_root ? root_offset : node_offset;
    std::size_t limit = load<std::uint16_t>(bytes, offset);
    std::size_t count = load<std::uint16_t>(bytes, offset + 2);
    return limit == limit_of(offset, superblock) && count != 0 && count <= limit;
}

Result<> IndexNode::check(ConstBytes bytes, bool is_root, std::uint32_t seed, std::uint32_t block_end,
                          const Superblock& superblock) {
    if (!is_shaped(bytes, is_root, superblock)) return Errno::euclean;
    std::size_t offset = is_root ? root_offset : node_offset;
    std::size_t limit = load<std::uint16_t>(bytes, offset);
    std::size_t count = load<std::uint16_t>(bytes, offset + 2);
    if (is_root && (load<std::uint32_t>(bytes, 24) != 0 || load<std::uint8_t>(bytes, 29) != header_bytes ||
                    load<std::uint8_t>(bytes, 30) > deepest_index)) {
        return Errno::euclean;
    }
    if (!is_root && load<std::uint16_t>(bytes, 4) != superblock.block_bytes) return Errno::euclean;
    if (superblock.has_checksums() &&
        load<std::uint32_t>(bytes, offset + limit * 8 + 4) != checksum_of(bytes, offset, seed)) {
        return Errno::euclean;
    }
    std::uint32_t before = 0;
    for (std::size_t i = 0; i < count; ++i) {
        std::uint32_t hash = i == 0 ? 0 : load<std::uint32_t>(bytes, offset + i * 8);
        std::uint32_t block = load<std::uint32_t>(bytes, offset + i * 8 + 4) & block_mask;
        if (hash < before || block == 0 || block >= block_end) return Errno::euclean;
        before = hash;
    }
    return {};
}

std::uint32_t IndexNode::find(std::uint32_t hash_wanted) const {
    std::uint32_t low = 1;
    std::uint32_t high = count();
    while (low < high) {
        std::uint32_t middle = (low + high) / 2;
        if (hash(middle) <= hash_wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low - 1;
}

void IndexNode::insert(std::uint32_t index, std::uint32_t hash, std::uint32_t block) {
    husk::check(room() != 0 && index <= count(), "no room in a node of a directory's index");
    // The first entry's place for a hash holds the counts.
    std::memmove(bytes_.data() + at(index + 1), bytes_.data() + at(index), std::size_t{count() - index} * 8);
    if (index != 0) store<std::uint32_t>(bytes_, at(index), hash);
    store<std::uint32_t>(bytes_, at(index) + 4, block);
    set_count(count() + 1);
}

std::uint32_t IndexNode::move_tail(std::uint32_t index, IndexNode to) {
    std::uint32_t first_hash = hash(index);
    for (std::uint32_t i = index; i < count(); ++i) to.insert(i - index, hash(i), block(i));
    set_count(index);
    return first_hash;
}

void IndexNode::seal(std::uint32_t seed, const Superblock& superblock) {
    if (!superblock.has_checksums()) return;
    std::size_t tail = at(load<std::uint16_t>(bytes_, offset_));
    store<std::uint32_t>(bytes_, tail, 0);
    store<std::uint32_t>(bytes_, tail + 4, checksum_of(bytes_, offset_, seed));
}

}  // namespace husk::fs::ext4
