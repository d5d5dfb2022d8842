// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/dwarf_reader.hpp"

namespace husk::toolchain {

std::uint64_t DwarfReader::read_unsigned(std::size_t size_bytes) {
    if (!ok_ || bytes_.size() - offset_ < size_bytes) {
        ok_ = false;
        return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size_bytes; ++i) value |= std::uint64_t{bytes_[offset_ + i]} << (8 * i);
    offset_ += size_bytes;
    return value;
}

std::int64_t DwarfReader::read_signed(std::size_t size_bytes) {
    const auto unused_bits = static_cast<unsigned>(64 - 8 * size_bytes);
    return static_cast<std::int64_t>(read_unsigned(size_bytes) << unused_bits) >> unused_bits;
}

std::uint64_t DwarfReader::read_uleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; ok_; shift += 7) {
        const std::uint64_t byte = read_unsigned(1);
        if (shift < 64) value |= (byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) break;
    }
    return value;
}

std::int64_t DwarfReader::read_sleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; ok_;) {
        const std::uint64_t byte = read_unsigned(1);
        if (shift < 64) value |= (byte & 0x7f) << shift;
        shift += 7;
        if ((byte & 0x80) != 0) continue;
        if ((byte & 0x40) != 0 && shift < 64) value |= ~std::uint64_t{0} << shift;
        break;
    }
    return static_cast<std::int64_t>(value);
}

std::string DwarfReader::read_string() {
    std::string text;
    while (const auto c = static_cast<char>(read_unsigned(1))) text += c;
    return text;
}

std::uint64_t DwarfReader::read_pointer(std::uint8_t encoding) {
    using namespace pointer_encoding;
    if (encoding == omitted) return 0;
    const std::uint64_t here = address();
    std::uint64_t value = 0;
    switch (encoding & format_mask) {
        case 0x0:
            value = read_unsigned(8);
            break;
        case 0x1:
            value = read_uleb();
            break;
        case 0x2:
            value = read_unsigned(2);
            break;
        case 0x3:
            value = read_unsigned(4);
            break;
        case 0x4:
            value = read_unsigned(8);
            break;
        case 0x9:
            value = static_cast<std::uint64_t>(read_sleb());
            break;
        case 0xa:
            value = static_cast<std::uint64_t>(read_signed(2));
            break;
        case 0xb:
            value = static_cast<std::uint64_t>(read_signed(4));
            break;
        case 0xc:
            value = read_unsigned(8);
            break;
        default:
            ok_ = false;
    }
    if (value == 0) return 0;
    const std::uint8_t application = encoding & application_mask;
    if (application == pc_relative) return value + here;
    if (application != 0) ok_ = false;
    return value;
}

void DwarfReader::skip(std::uint64_t size_bytes) {
    if (!ok_ || bytes_.size() - offset_ < size_bytes) {
        ok_ = false;
        return;
    }
    offset_ += size_bytes;
}

DwarfReader DwarfReader::take(std::uint64_t size_bytes) {
    const std::size_t begin = offset_;
    skip(size_bytes);
    DwarfReader part(ok_ ? bytes_.subspan(begin, size_bytes) : std::span<const std::uint8_t>{}, address_ + begin);
    part.ok_ = ok_;
    return part;
}

}  // namespace husk::toolchain
