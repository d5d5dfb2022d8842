// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/inode_record.hpp"

#include <algorithm>

#include "guest-runtime/base/crc32c.hpp"
#include "guest-runtime/fs/open_flags.hpp"

namespace husk::fs::ext4 {

namespace {

namespace at {
constexpr std::size_t mode = 0x00, user = 0x02, size = 0x04, accessed = 0x08, changed = 0x0c, modified = 0x10,
                      deleted = 0x14, group = 0x18, links = 0x1a, blocks = 0x1c, flags = 0x20, version = 0x24,
                      area = 0x28, generation = 0x64, attributes = 0x68, size_high = 0x6c, blocks_high = 0x74,
                      attributes_high = 0x76, user_high = 0x78, group_high = 0x7a, checksum = 0x7c, extra_bytes = 0x80,
                      checksum_high = 0x82, changed_extra = 0x84, modified_extra = 0x88, accessed_extra = 0x8c,
                      born = 0x90, born_extra = 0x94, version_high = 0x98;
}

constexpr std::int64_t ns_per_second = 1'000'000'000;

// A field behind the first 128 bytes is there when the inode's own extra size reaches over it.
bool reaches(std::uint32_t extra_bytes, std::size_t offset, std::size_t size) {
    return base_inode_bytes + extra_bytes >= offset + size;
}

// 32 signed bits of seconds; the extra word has two more bits of them and 30 bits of nanoseconds.
std::int64_t decode_time(std::uint32_t seconds, std::uint32_t extra) {
    std::int64_t whole = static_cast<std::int32_t>(seconds) + (static_cast<std::int64_t>(extra & 3) << 32);
    std::int64_t ns = std::min<std::int64_t>(extra >> 2, ns_per_second - 1);
    std::int64_t result;
    if (__builtin_mul_overflow(whole, ns_per_second, &result)) return whole < 0 ? INT64_MIN : INT64_MAX;
    if (__builtin_add_overflow(result, ns, &result)) return INT64_MAX;
    return result;
}

struct StoredTime {
    std::uint32_t seconds;
    std::uint32_t extra;
};

StoredTime encode_time(std::int64_t time_ns, bool has_extra) {
    std::int64_t seconds = time_ns / ns_per_second;
    std::int64_t ns = time_ns % ns_per_second;
    if (ns < 0) {
        --seconds;
        ns += ns_per_second;
    }
    constexpr std::int64_t first = INT32_MIN;
    std::int64_t last = INT32_MAX + (has_extra ? std::int64_t{3} << 32 : 0);
    if (seconds < first || seconds > last) ns = 0;
    seconds = std::clamp(seconds, first, last);
    auto low = static_cast<std::uint32_t>(seconds);
    std::int64_t epoch = (seconds - static_cast<std::int32_t>(low)) >> 32;
    return {low, static_cast<std::uint32_t>(ns) << 2 | static_cast<std::uint32_t>(epoch & 3)};
}

std::uint32_t checksum_of(ConstBytes bytes, std::uint32_t number, std::uint32_t extra_bytes,
                          const Superblock& superblock) {
    std::uint32_t crc = inode_seed(number, load<std::uint32_t>(bytes, at::generation), superblock);
    crc = crc32c(crc, bytes.first(at::checksum));
    crc = crc32c_of(crc, std::uint16_t{0});
    crc = crc32c(crc, bytes.subspan(at::checksum + 2, base_inode_bytes - at::checksum - 2));
    if (bytes.size() == base_inode_bytes) return crc & 0xffff;
    if (!reaches(extra_bytes, at::checksum_high, 2)) return crc32c(crc, bytes.subspan(base_inode_bytes)) & 0xffff;
    crc = crc32c(crc, bytes.subspan(base_inode_bytes, 2));
    crc = crc32c_of(crc, std::uint16_t{0});
    return crc32c(crc, bytes.subspan(at::checksum_high + 2));
}

std::uint32_t extra_bytes_of(ConstBytes bytes) {
    return bytes.size() > base_inode_bytes ? load<std::uint16_t>(bytes, at::extra_bytes) : 0;
}

}  // namespace

// In the first word as 8 bits each where that suffices, else in the second.
std::uint64_t device_of(const InodeRecord& record) {
    ConstBytes area = record.area;
    if (auto old = load<std::uint32_t>(area, 0); old != 0) return make_device(old >> 8 & 0xff, old & 0xff);
    auto word = load<std::uint32_t>(area, 4);
    return make_device((word & 0xfff00) >> 8, (word & 0xff) | (word >> 12 & 0xfff00));
}

void set_device(InodeRecord& record, std::uint64_t device) {
    record.area = {};
    std::uint32_t major = device_major(device);
    std::uint32_t minor = device_minor(device);
    if (major < 256 && minor < 256) {
        store<std::uint32_t>(record.area, 0, major << 8 | minor);
    } else {
        store<std::uint32_t>(record.area, 4, (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12);
    }
}

std::uint32_t inode_seed(std::uint32_t number, std::uint32_t generation, const Superblock& superblock) {
    return crc32c_of(crc32c_of(superblock.checksum_seed, number), generation);
}

Result<InodeRecord> parse_inode(ConstBytes bytes, std::uint32_t number, const Superblock& superblock) {
    std::uint32_t extra_bytes = extra_bytes_of(bytes);
    if (extra_bytes > bytes.size() - base_inode_bytes || extra_bytes % 4 != 0) return Errno::euclean;
    if (superblock.has_checksums()) {
        std::uint32_t stored = load<std::uint16_t>(bytes, at::checksum);
        if (reaches(extra_bytes, at::checksum_high, 2)) {
            stored |= std::uint32_t{load<std::uint16_t>(bytes, at::checksum_high)} << 16;
        }
        if (stored != checksum_of(bytes, number, extra_bytes, superblock)) return Errno::euclean;
    }
    auto word = [&](std::size_t offset) { return load<std::uint32_t>(bytes, offset); };
    auto half = [&](std::size_t offset) { return std::uint32_t{load<std::uint16_t>(bytes, offset)}; };
    auto extra = [&](std::size_t offset) { return reaches(extra_bytes, offset, 4) ? word(offset) : 0; };
    InodeRecord to;
    to.mode = half(at::mode);
    to.user = half(at::user) | half(at::user_high) << 16;
    to.group = half(at::group) | half(at::group_high) << 16;
    to.links = half(at::links);
    to.flags = word(at::flags);
    to.generation = word(at::generation);
    to.next_orphan = word(at::deleted);
    to.extra_bytes = extra_bytes;
    to.size_bytes = join(word(at::size), word(at::size_high));
    to.blocks_512 = word(at::blocks);
    if ((superblock.read_only_compatible & read_only_compatible::huge_file) != 0) {
        to.blocks_512 |= std::uint64_t{half(at::blocks_high)} << 32;
        if ((to.flags & inode_flag::huge_file) != 0) to.blocks_512 <<= superblock.block_bits - 9;
    }
    to.attribute_block = join(word(at::attributes), half(at::attributes_high));
    to.version = join(word(at::version), extra(at::version_high));
    to.accessed_ns = decode_time(word(at::accessed), extra(at::accessed_extra));
    to.changed_ns = decode_time(word(at::changed), extra(at::changed_extra));
    to.modified_ns = decode_time(word(at::modified), extra(at::modified_extra));
    to.born_ns = decode_time(extra(at::born), extra(at::born_extra));
    to.area = load<std::array<std::byte, inode_area_bytes>>(bytes, at::area);
    if (to.size_bytes > INT64_MAX) return Errno::euclean;
    return to;
}

void store_inode(const InodeRecord& from, Bytes bytes, std::uint32_t number, const Superblock& superblock) {
    auto put_half = [&](std::size_t offset, std::uint64_t value) {
        store<std::uint16_t>(bytes, offset, low_word(value));
    };
    auto put_word = [&](std::size_t offset, std::uint64_t value) {
        store<std::uint32_t>(bytes, offset, low_half(value));
    };
    auto put_time = [&](std::size_t offset, std::size_t extra_offset, std::int64_t time) {
        bool has_extra = reaches(from.extra_bytes, extra_offset, 4);
        StoredTime stored = encode_time(time, has_extra);
        if (offset < base_inode_bytes || reaches(from.extra_bytes, offset, 4)) put_word(offset, stored.seconds);
        if (has_extra) put_word(extra_offset, stored.extra);
    };
    put_half(at::mode, from.mode);
    put_half(at::user, from.user);
    put_half(at::user_high, from.user >> 16);
    put_half(at::group, from.group);
    put_half(at::group_high, from.group >> 16);
    put_half(at::links, from.links);
    // Counted in 512 bytes always: the unit of blocks is for files that no disk holds.
    put_word(at::flags, from.flags & ~inode_flag::huge_file);
    put_word(at::generation, from.generation);
    put_word(at::deleted, from.next_orphan);
    put_word(at::size, from.size_bytes);
    put_word(at::size_high, from.size_bytes >> 32);
    put_word(at::blocks, from.blocks_512);
    put_half(at::blocks_high, from.blocks_512 >> 32);
    put_word(at::attributes, from.attribute_block);
    put_half(at::attributes_high, from.attribute_block >> 32);
    put_word(at::version, from.version);
    store<std::array<std::byte, inode_area_bytes>>(bytes, at::area, from.area);
    if (bytes.size() > base_inode_bytes) {
        put_half(at::extra_bytes, from.extra_bytes);
        if (reaches(from.extra_bytes, at::version_high, 4)) put_word(at::version_high, from.version >> 32);
    }
    put_time(at::accessed, at::accessed_extra, from.accessed_ns);
    put_time(at::changed, at::changed_extra, from.changed_ns);
    put_time(at::modified, at::modified_extra, from.modified_ns);
    if (reaches(from.extra_bytes, at::born, 4)) put_time(at::born, at::born_extra, from.born_ns);
    seal_inode(bytes, number, superblock);
}

void seal_inode(Bytes bytes, std::uint32_t number, const Superblock& superblock) {
    if (!superblock.has_checksums()) return;
    std::uint32_t extra_bytes = extra_bytes_of(bytes);
    std::uint32_t crc = checksum_of(bytes, number, extra_bytes, superblock);
    store<std::uint16_t>(bytes, at::checksum, low_word(crc));
    if (reaches(extra_bytes, at::checksum_high, 2)) store<std::uint16_t>(bytes, at::checksum_high, high_word(crc));
}

}  // namespace husk::fs::ext4
