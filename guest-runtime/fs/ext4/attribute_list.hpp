// SPDX-License-Identifier: Apache-2.0
// Extended attributes in the form of the disk: a table of entries from the front, values from the back.
#pragma once

#include <cstdint>
#include <string_view>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/fs/ext4/bytes.hpp"
#include "guest-runtime/fs/ext4/superblock.hpp"
#include "guest-runtime/fs/text.hpp"

namespace husk::fs::ext4 {

// A name as the disk has it: the beginning as a number.
struct AttributeName {
    std::uint8_t prefix = 0;
    std::string_view rest;
};

// EOPNOTSUPP for a name without a known beginning.
Result<AttributeName> split_attribute_name(std::string_view name);
// What the number stands for; empty for those that are not shown.
std::string_view attribute_prefix(std::uint8_t prefix);

// All attributes of an inode, in memory.
class AttributeList {
public:
    struct Attribute : ListNode<> {
        std::uint8_t prefix = 0;
        Text rest;
        Text value;
        bool placed = false;  // encode() has put it somewhere
    };

    AttributeList() = default;
    AttributeList(const AttributeList&) = delete;
    AttributeList& operator=(const AttributeList&) = delete;
    ~AttributeList();

    // Adds those of a table. `table` begins with the first entry; values lie at their offset from `values`. EUCLEAN.
    Result<> decode(ConstBytes table, ConstBytes values);
    Attribute* find(const AttributeName& name);
    Result<> set(const AttributeName& name, std::string_view value);
    void remove(Attribute& attribute);
    [[nodiscard]] bool empty() { return attributes_.empty(); }
    List<Attribute>& all() { return attributes_; }

    // In the order that blocks have: by prefix, length and name.
    void sort();
    void forget_places();
    // Fills `table`, whose offsets count from `values_offset` bytes in front of it, with as many attributes that have
    // no place yet as fit, in order. The rest of it becomes zero. `hashed`: entries carry their hash, as in blocks.
    void encode(Bytes table, std::size_t values_offset, bool hashed);
    [[nodiscard]] bool all_placed();

private:
    List<Attribute> attributes_;
};

// The header of an attribute block.
struct AttributeBlockHeader {
    static constexpr std::size_t bytes = 32;
    std::uint32_t references = 0;
};

// EUCLEAN: a wrong magic number or checksum, or more than one block.
Result<AttributeBlockHeader> parse_attribute_block(ConstBytes bytes, std::uint64_t block, const Superblock& superblock);
// Header, hash and checksum over entries that are there.
void seal_attribute_block(Bytes bytes, std::uint64_t block, std::uint32_t references, const Superblock& superblock);

inline constexpr std::uint32_t attribute_magic = 0xea020000;

}  // namespace husk::fs::ext4
