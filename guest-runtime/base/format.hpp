// SPDX-License-Identifier: Apache-2.0
// Text into a fixed buffer, for /proc files, log lines and panics.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace husk {

// Appends until the buffer is full; what does not fit is dropped.
class TextWriter {
public:
    explicit TextWriter(std::span<char> buffer) : buffer_(buffer) {}

    TextWriter& text(std::string_view s);
    TextWriter& decimal(std::uint64_t value, std::size_t width = 0, char fill = ' ');
    TextWriter& signed_decimal(std::int64_t value);
    TextWriter& hex(std::uint64_t value, std::size_t digits = 0);  // no 0x in front, padded with zeros

    [[nodiscard]] std::string_view view() const { return {buffer_.data(), used_}; }

private:
    void put(char c) {
        if (used_ < buffer_.size()) buffer_[used_++] = c;
    }

    std::span<char> buffer_;
    std::size_t used_ = 0;
};

}  // namespace husk
