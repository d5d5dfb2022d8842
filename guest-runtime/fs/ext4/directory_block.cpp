// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/directory_block.hpp"

#include <array>

#include "guest-runtime/base/crc32c.hpp"
#include "guest-runtime/base/panic.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::uint8_t tail_type = 0xde;
constexpr std::array<FileType, 8> types = {FileType::none,  FileType::regular, FileType::directory, FileType::character,
                                           FileType::block, FileType::fifo,    FileType::socket,    FileType::symlink};

DirectoryEntry decode(ConstBytes bytes, std::uint32_t offset) {
    DirectoryEntry entry;
    entry.offset = offset;
    entry.inode = load<std::uint32_t>(bytes, offset);
    entry.record_bytes = load<std::uint16_t>(bytes, offset + 4);
    auto name_bytes = load<std::uint8_t>(bytes, offset + 6);
    entry.type = entry_type(load<std::uint8_t>(bytes, offset + 7));
    // SAFETY: characters may alias anything; check() found the name within its record, which is within the block.
    entry.name = {reinterpret_cast<const char*>(bytes.data()) + offset + DirectoryBlock::header_bytes, name_bytes};
    return entry;
}

// Whether a record begins at `offset` and lies in the area with its name.
bool is_record(ConstBytes bytes, std::uint32_t offset, std::uint32_t area) {
    if (area - offset < DirectoryBlock::header_bytes) return false;
    std::uint32_t record_bytes = load<std::uint16_t>(bytes, offset + 4);
    std::uint32_t needed = DirectoryBlock::record_bytes_for(load<std::uint8_t>(bytes, offset + 6));
    return record_bytes % 4 == 0 && record_bytes >= 12 && record_bytes >= needed && record_bytes <= area - offset;
}

bool is_sound(const DirectoryEntry& entry, const Superblock& superblock) {
    if (entry.inode == 0) return true;
    if (!superblock.is_inode(entry.inode) || entry.name.empty()) return false;
    for (char c : entry.name) {
        if (c == '/' || c == '\0') return false;
    }
    return true;
}

}  // namespace

std::uint8_t entry_type_byte(FileType type) {
    for (std::size_t i = 0; i < types.size(); ++i) {
        if (types[i] == type) return static_cast<std::uint8_t>(i);
    }
    return 0;
}

FileType entry_type(std::uint8_t byte) { return byte < types.size() ? types[byte] : FileType::none; }

Result<> DirectoryBlock::check(ConstBytes bytes, std::uint32_t seed, const Superblock& superblock) {
    std::uint32_t area = area_of(superblock);
    if (superblock.has_checksums()) {
        bool has_tail = load<std::uint32_t>(bytes, area) == 0 && load<std::uint16_t>(bytes, area + 4) == tail_bytes &&
                        load<std::uint16_t>(bytes, area + 6) == std::uint16_t{tail_type} << 8;
        if (!has_tail || load<std::uint32_t>(bytes, area + 8) != crc32c(seed, bytes.first(area))) {
            return Errno::euclean;
        }
    }
    for (std::uint32_t offset = 0; offset < area;) {
        if (!is_record(bytes, offset, area)) return Errno::euclean;
        DirectoryEntry entry = decode(bytes, offset);
        if (!is_sound(entry, superblock)) return Errno::euclean;
        offset = entry.end();
    }
    return {};
}

void DirectoryBlock::format() {
    std::memset(bytes_.data(), 0, bytes_.size());
    store<std::uint16_t>(bytes_, 4, low_word(area_bytes_));
}

void DirectoryBlock::format_first(std::uint32_t own, std::uint32_t parent, std::uint32_t end) {
    std::memset(bytes_.data(), 0, bytes_.size());
    put(0, 12, own, FileType::directory, ".");
    put(12, end - 12, parent, FileType::directory, "..");
}

std::optional<std::uint32_t> DirectoryBlock::parent_in(ConstBytes bytes) {
    DirectoryEntry dot = decode(bytes, 0);
    DirectoryEntry dots = decode(bytes, parent_offset);
    if (dot.record_bytes != parent_offset || dot.name != "." || dots.name != "..") return {};
    return dots.inode;
}

std::optional<DirectoryEntry> DirectoryBlock::at(std::uint32_t offset) const {
    // A block that was found sound in another role ends the chain early.
    if (offset >= area_bytes_ || !is_record(bytes_, offset, area_bytes_)) return {};
    return decode(bytes_, offset);
}

std::optional<DirectoryEntry> DirectoryBlock::find(std::string_view name) const {
    for (auto entry = at(0); entry; entry = at(entry->end())) {
        if (entry->inode != 0 && entry->name == name) return entry;
    }
    return {};
}

std::optional<DirectoryEntry> DirectoryBlock::find_room(std::size_t name_bytes) const {
    std::uint32_t needed = record_bytes_for(name_bytes);
    for (auto entry = at(0); entry; entry = at(entry->end())) {
        std::uint32_t used = entry->inode != 0 ? record_bytes_for(entry->name.size()) : 0;
        if (entry->record_bytes - used >= needed) return entry;
    }
    return {};
}

bool DirectoryBlock::has_room(std::size_t name_bytes) const { return find_room(name_bytes).has_value(); }

bool DirectoryBlock::insert(std::string_view name, std::uint32_t inode, FileType type) {
    auto room = find_room(name.size());
    if (!room) return false;
    std::uint32_t used = room->inode != 0 ? record_bytes_for(room->name.size()) : 0;
    if (used != 0) store<std::uint16_t>(bytes_, room->offset + 4, low_word(used));
    put(room->offset + used, room->record_bytes - used, inode, type, name);
    return true;
}

void DirectoryBlock::put(std::uint32_t offset, std::uint32_t record_bytes, std::uint32_t inode, FileType type,
                         std::string_view name) {
    store<std::uint32_t>(bytes_, offset, inode);
    store<std::uint16_t>(bytes_, offset + 4, low_word(record_bytes));
    store<std::uint8_t>(bytes_, offset + 6, static_cast<std::uint8_t>(name.size()));
    store<std::uint8_t>(bytes_, offset + 7, entry_type_byte(type));
    Bytes room = bytes_.subspan(offset + header_bytes, record_bytes - header_bytes);
    std::memcpy(room.data(), name.data(), name.size());
}

void DirectoryBlock::remove(std::uint32_t offset) {
    std::optional<DirectoryEntry> before;
    auto entry = at(0);
    for (; entry && entry->offset != offset; entry = at(entry->end())) before = entry;
    husk::check(entry.has_value(), "no directory entry there");
    store<std::uint32_t>(bytes_, offset, 0);
    if (before) store<std::uint16_t>(bytes_, before->offset + 4, low_word(before->record_bytes + entry->record_bytes));
}

void DirectoryBlock::point(std::uint32_t offset, std::uint32_t inode, FileType type) {
    store<std::uint32_t>(bytes_, offset, inode);
    store<std::uint8_t>(bytes_, offset + 7, entry_type_byte(type));
}

bool DirectoryBlock::is_empty() const {
    for (auto entry = at(0); entry; entry = at(entry->end())) {
        if (entry->inode != 0 && entry->name != "." && entry->name != "..") return false;
    }
    return true;
}

void DirectoryBlock::seal(std::uint32_t seed) {
    if (!superblock_.has_checksums()) return;
    store<std::uint32_t>(bytes_, area_bytes_, 0);
    store<std::uint16_t>(bytes_, area_bytes_ + 4, tail_bytes);
    store<std::uint16_t>(bytes_, area_bytes_ + 6, std::uint16_t{tail_type} << 8);
    store<std::uint32_t>(bytes_, area_bytes_ + 8, crc32c(seed, bytes_.first(area_bytes_)));
}

}  // namespace husk::fs::ext4
