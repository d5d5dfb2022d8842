// SPDX-License-Identifier: Apache-2.0
// A string on the runtime's heap that grows as text is appended: contents of /proc files, paths, link targets.
#pragma once

#include <cstdint>
#include <string_view>

#include "guest-runtime/fs/heap_array.hpp"

namespace husk::fs {

// Appending never fails visibly: once memory ran out, check() says so and the text stays as it was.
class Text {
public:
    Text() = default;
    static Result<Text> copy_of(std::string_view s);

    Text& text(std::string_view s);
    Text& decimal(std::uint64_t value, std::size_t width = 0, char fill = ' ');
    Text& signed_decimal(std::int64_t value);
    Text& hex(std::uint64_t value, std::size_t digits = 0);
    // Puts `s` in front of what is there.
    Text& prepend(std::string_view s);

    [[nodiscard]] std::string_view view() const { return {storage_.data(), used_}; }
    [[nodiscard]] std::size_t size() const { return used_; }
    [[nodiscard]] Result<> check() const { return failed_ ? Result<>(Errno::enomem) : Result<>(); }

private:
    bool grow(std::size_t more);

    HeapArray<char> storage_;
    std::size_t used_ = 0;
    bool failed_ = false;
};

}  // namespace husk::fs
