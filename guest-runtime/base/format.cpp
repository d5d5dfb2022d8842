// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/format.hpp"

namespace husk {

namespace {

constexpr char digit_of[] = "0123456789abcdef";

// Digits of `value`, last first; returns how many.
std::size_t digits_reversed(std::uint64_t value, unsigned base, std::span<char, 20> out) {
    std::size_t count = 0;
    do {
        out[count++] = digit_of[value % base];
        value /= base;
    } while (value != 0);
    return count;
}

}  // namespace

TextWriter& TextWriter::text(std::string_view s) {
    for (char c : s) put(c);
    return *this;
}

TextWriter& TextWriter::decimal(std::uint64_t value, std::size_t width, char fill) {
    char digits[20];
    std::size_t count = digits_reversed(value, 10, digits);
    for (std::size_t i = count; i < width; ++i) put(fill);
    while (count > 0) put(digits[--count]);
    return *this;
}

TextWriter& TextWriter::signed_decimal(std::int64_t value) {
    if (value < 0) {
        put('-');
        return decimal(-static_cast<std::uint64_t>(value));
    }
    return decimal(static_cast<std::uint64_t>(value));
}

TextWriter& TextWriter::hex(std::uint64_t value, std::size_t digits_wanted) {
    char digits[20];
    std::size_t count = digits_reversed(value, 16, digits);
    for (std::size_t i = count; i < digits_wanted; ++i) put('0');
    while (count > 0) put(digits[--count]);
    return *this;
}

}  // namespace husk
