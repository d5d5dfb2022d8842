// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/ext4/attribute_list.hpp"

#include <array>
#include <new>

#include "guest-runtime/base/crc32c.hpp"

namespace husk::fs::ext4 {

namespace {

constexpr std::size_t entry_bytes = 16;
constexpr std::size_t checksum_offset = 16;

struct Prefix {
    std::uint8_t number;
    std::string_view text;
};
constexpr std::array<Prefix, 3> prefixes = {{{1, "user."}, {4, "trusted."}, {6, "security."}}};

constexpr std::size_t padded(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

std::string_view characters(ConstBytes bytes) {
    // SAFETY: characters may alias anything, and the span stays alive while the text is copied.
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Of the name and the padded value, as blocks carry it to find equal ones.
std::uint32_t entry_hash(std::string_view name, ConstBytes padded_value) {
    std::uint32_t hash = 0;
    for (char c : name) hash = (hash << 5) ^ (hash >> 27) ^ static_cast<unsigned char>(c);
    for (std::size_t i = 0; i < padded_value.size(); i += 4) {
        hash = (hash << 16) ^ (hash >> 16) ^ load<std::uint32_t>(padded_value, i);
    }
    return hash;
}

bool comes_before(const AttributeList::Attribute& a, const AttributeList::Attribute& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    if (a.rest.size() != b.rest.size()) return a.rest.size() < b.rest.size();
    return a.rest.view() < b.rest.view();
}

std::uint32_t block_checksum(ConstBytes bytes, std::uint64_t block, const Superblock& superblock) {
    std::uint32_t crc = crc32c_of(superblock.checksum_seed, block);
    crc = crc32c(crc, bytes.first(checksum_offset));
    crc = crc32c_of(crc, std::uint32_t{0});
    return crc32c(crc, bytes.subspan(checksum_offset + 4));
}

}  // namespace

Result<AttributeName> split_attribute_name(std::string_view name) {
    for (const Prefix& prefix : prefixes) {
        if (!name.starts_with(prefix.text)) continue;
        name.remove_prefix(prefix.text.size());
        return name.empty() ? Result<AttributeName>(Errno::einval) : AttributeName{prefix.number, name};
    }
    return Errno::eopnotsupp;
}

std::string_view attribute_prefix(std::uint8_t number) {
    for (const Prefix& prefix : prefixes) {
        if (prefix.number == number) return prefix.text;
    }
    return {};
}

AttributeList::~AttributeList() {
    while (Attribute* attribute = attributes_.pop_front()) delete attribute;
}

Result<> AttributeList::decode(ConstBytes table, ConstBytes values) {
    std::size_t offset = 0;
    // Four zero bytes end the table.
    while (table.size() - offset >= 4 && load<std::uint32_t>(table, offset) != 0) {
        if (table.size() - offset < entry_bytes) return Errno::euclean;
        std::size_t name_bytes = load<std::uint8_t>(table, offset);
        std::size_t value_offset = load<std::uint16_t>(table, offset + 2);
        std::size_t value_bytes = load<std::uint32_t>(table, offset + 8);
        if (load<std::uint32_t>(table, offset + 4) != 0) return Errno::euclean;  // a value in an inode of its own
        if (table.size() - offset < entry_bytes + padded(name_bytes)) return Errno::euclean;
        if (value_bytes != 0 && (value_offset > values.size() || value_bytes > values.size() - value_offset)) {
            return Errno::euclean;
        }
        if (value_bytes == 0) value_offset = 0;
        AttributeName name{load<std::uint8_t>(table, offset + 1),
                           characters(table.subspan(offset + entry_bytes, name_bytes))};
        HUSK_TRY(set(name, characters(values.subspan(value_offset, value_bytes))));
        offset += entry_bytes + padded(name_bytes);
    }
    return {};
}

AttributeList::Attribute* AttributeList::find(const AttributeName& name) {
    for (Attribute& attribute : attributes_) {
        if (attribute.prefix == name.prefix && attribute.rest.view() == name.rest) return &attribute;
    }
    return nullptr;
}

Result<> AttributeList::set(const AttributeName& name, std::string_view value) {
    Text value_copy = HUSK_TRY(Text::copy_of(value));
    Attribute* attribute = find(name);
    if (attribute == nullptr) {
        Text name_copy = HUSK_TRY(Text::copy_of(name.rest));
        attribute = new (std::nothrow) Attribute;
        if (attribute == nullptr) return Errno::enomem;
        attribute->prefix = name.prefix;
        attribute->rest = std::move(name_copy);
        attributes_.push_back(*attribute);
    }
    attribute->value = std::move(value_copy);
    return {};
}

void AttributeList::remove(Attribute& attribute) {
    attribute.unlink();
    delete &attribute;
}

void AttributeList::sort() {
    List<Attribute> sorted;
    while (Attribute* attribute = attributes_.pop_front()) {
        Attribute* behind = nullptr;
        for (Attribute& other : sorted) {
            if (comes_before(*attribute, other)) {
                behind = &other;
                break;
            }
        }
        if (behind != nullptr) {
            sorted.insert(*behind, *attribute);
        } else {
            sorted.push_back(*attribute);
        }
    }
    while (Attribute* attribute = sorted.pop_front()) attributes_.push_back(*attribute);
}

void AttributeList::forget_places() {
    for (Attribute& attribute : attributes_) attribute.placed = false;
}

bool AttributeList::all_placed() {
    for (Attribute& attribute : attributes_) {
        if (!attribute.placed) return false;
    }
    return true;
}

void AttributeList::encode(Bytes table, std::size_t values_offset, bool hashed) {
    std::memset(table.data(), 0, table.size());
    std::size_t front = 0;
    std::size_t back = table.size() & ~std::size_t{3};
    for (Attribute& attribute : attributes_) {
        std::size_t record = entry_bytes + padded(attribute.rest.size());
        std::size_t value = padded(attribute.value.size());
        if (attribute.placed || front + record + 4 + value > back) continue;
        attribute.placed = true;
        back -= value;
        Bytes stored = table.subspan(back, value);
        if (value != 0) std::memcpy(stored.data(), attribute.value.view().data(), attribute.value.size());
        store<std::uint8_t>(table, front, static_cast<std::uint8_t>(attribute.rest.size()));
        store<std::uint8_t>(table, front + 1, attribute.prefix);
        store<std::uint16_t>(table, front + 2, value == 0 ? std::uint16_t{0} : low_word(back + values_offset));
        store<std::uint32_t>(table, front + 8, low_half(attribute.value.size()));
        if (hashed) store<std::uint32_t>(table, front + 12, entry_hash(attribute.rest.view(), stored));
        if (attribute.rest.size() != 0) {
            std::memcpy(table.data() + front + entry_bytes, attribute.rest.view().data(), attribute.rest.size());
        }
        front += record;
    }
}

Result<AttributeBlockHeader> parse_attribute_block(ConstBytes bytes, std::uint64_t block,
                                                   const Superblock& superblock) {
    if (load<std::uint32_t>(bytes, 0) != attribute_magic || load<std::uint32_t>(bytes, 8) != 1) return Errno::euclean;
    std::uint32_t references = load<std::uint32_t>(bytes, 4);
    if (references == 0) return Errno::euclean;
    if (superblock.has_checksums() &&
        load<std::uint32_t>(bytes, checksum_offset) != block_checksum(bytes, block, superblock)) {
        return Errno::euclean;
    }
    return AttributeBlockHeader{references};
}

void seal_attribute_block(Bytes bytes, std::uint64_t block, std::uint32_t references, const Superblock& superblock) {
    std::memset(bytes.data(), 0, AttributeBlockHeader::bytes);
    store<std::uint32_t>(bytes, 0, attribute_magic);
    store<std::uint32_t>(bytes, 4, references);
    store<std::uint32_t>(bytes, 8, 1);
    std::uint32_t hash = 0;
    std::size_t offset = AttributeBlockHeader::bytes;
    while (bytes.size() - offset >= entry_bytes && load<std::uint32_t>(bytes, offset) != 0) {
        hash = (hash << 16) ^ (hash >> 16) ^ load<std::uint32_t>(bytes, offset + 12);
        offset += entry_bytes + padded(load<std::uint8_t>(bytes, offset));
    }
    store<std::uint32_t>(bytes, 12, hash);
    if (superblock.has_checksums()) {
        store<std::uint32_t>(bytes, checksum_offset, block_checksum(bytes, block, superblock));
    }
}

}  // namespace husk::fs::ext4
