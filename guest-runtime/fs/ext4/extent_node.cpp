// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/extent_node.hpp"

#include "guest-runtime/base/crc32c.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/fs/ext4/inode_record.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::uint16_t magic = 0xf30a;

Extent decode(ConstBytes bytes, std::size_t offset) {
    Extent extent;
    extent.logical = load<std::uint32_t>(bytes, offset);
    extent.count = load<std::uint16_t>(bytes, offset + 4);
    extent.physical = join(load<std::uint32_t>(bytes, offset + 8), load<std::uint16_t>(bytes, offset + 6));
    extent.unwritten = extent.count > Extent::most_written;
    if (extent.unwritten) extent.count -= Extent::most_written;
    return extent;
}

std::uint64_t decode_child(ConstBytes bytes, std::size_t offset) {
    return join(load<std::uint32_t>(bytes, offset + 4), load<std::uint16_t>(bytes, offset + 8));
}

}  // namespace

ExtentNode ExtentNode::format(Bytes bytes, unsigned depth) {
    std::memset(bytes.data(), 0, bytes.size());
    store<std::uint16_t>(bytes, 0, magic);
    store<std::uint16_t>(bytes, 4, low_word((bytes.size() - header_bytes) / entry_bytes));
    store<std::uint16_t>(bytes, 6, low_word(depth));
    return ExtentNode(bytes);
}

bool ExtentNode::is_shaped(ConstBytes bytes, unsigned depth) {
    std::uint32_t count = load<std::uint16_t>(bytes, 2);
    std::size_t room = load<std::uint16_t>(bytes, 4);
    std::size_t fits = (bytes.size() - header_bytes) / entry_bytes;
    if (load<std::uint16_t>(bytes, 0) != magic || load<std::uint16_t>(bytes, 6) != depth) return false;
    return count <= room && room == fits && (depth == 0 || count != 0);
}

Result<> ExtentNode::check(ConstBytes bytes, unsigned depth, const SystemZone& zone) {
    if (!is_shaped(bytes, depth)) return Errno::euclean;
    std::uint32_t count = load<std::uint16_t>(bytes, 2);
    std::uint64_t behind = 0;  // the first logical block that the next entry may begin with
    for (std::uint32_t i = 0; i < count; ++i) {
        std::size_t offset = at(i);
        std::uint32_t key = load<std::uint32_t>(bytes, offset);
        if (key < behind) return Errno::euclean;
        behind = std::uint64_t{key} + 1;
        if (depth != 0) {
            if (!zone.allows(decode_child(bytes, offset))) return Errno::euclean;
            continue;
        }
        Extent extent = decode(bytes, offset);
        if (extent.count == 0 || extent.end() > UINT32_MAX) return Errno::euclean;
        if (!zone.allows(extent.physical, extent.count)) return Errno::euclean;
        behind = extent.end();
    }
    return {};
}

std::uint32_t ExtentNode::find(std::uint32_t logical) const {
    std::uint32_t low = 0;
    std::uint32_t high = count();
    while (low < high) {
        std::uint32_t middle = (low + high) / 2;
        if (key(middle) <= logical) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? count() : low - 1;
}

Extent ExtentNode::extent(std::uint32_t index) const { return decode(bytes_, at(index)); }

void ExtentNode::set_extent(std::uint32_t index, const Extent& extent) {
    std::size_t offset = at(index);
    store<std::uint32_t>(bytes_, offset, extent.logical);
    std::uint32_t count = extent.count + (extent.unwritten ? Extent::most_written : 0);
    store<std::uint16_t>(bytes_, offset + 4, low_word(count));
    store<std::uint16_t>(bytes_, offset + 6, low_word(extent.physical >> 32));
    store<std::uint32_t>(bytes_, offset + 8, low_half(extent.physical));
}

std::uint64_t ExtentNode::child(std::uint32_t index) const { return decode_child(bytes_, at(index)); }

void ExtentNode::set_child(std::uint32_t index, std::uint32_t logical, std::uint64_t block) {
    std::size_t offset = at(index);
    store<std::uint32_t>(bytes_, offset, logical);
    store<std::uint32_t>(bytes_, offset + 4, low_half(block));
    store<std::uint16_t>(bytes_, offset + 8, low_word(block >> 32));
    store<std::uint16_t>(bytes_, offset + 10, 0);
}

void ExtentNode::open_gap(std::uint32_t index) {
    husk::check(room() != 0 && index <= count(), "no room in a node of an extent tree");
    std::memmove(bytes_.data() + at(index + 1), bytes_.data() + at(index), (count() - index) * entry_bytes);
    set_count(count() + 1);
}

void ExtentNode::erase(std::uint32_t index) {
    std::memmove(bytes_.data() + at(index), bytes_.data() + at(index + 1), (count() - index - 1) * entry_bytes);
    set_count(count() - 1);
}

void ExtentNode::move_tail(std::uint32_t index, ExtentNode to) {
    std::uint32_t moved = count() - index;
    std::memcpy(to.bytes_.data() + header_bytes, bytes_.data() + at(index), moved * entry_bytes);
    to.set_count(moved);
    set_count(index);
}

void ExtentNode::copy_to(ExtentNode to) const {
    husk::check(to.room() >= count(), "no room in a node of an extent tree");
    std::memcpy(to.bytes_.data() + header_bytes, bytes_.data() + header_bytes, count() * entry_bytes);
    to.set_count(count());
}

std::uint32_t ExtentNode::checksum(std::uint32_t seed) const { return crc32c(seed, bytes_.first(tail())); }

}  // namespace husk::fs::ext4
