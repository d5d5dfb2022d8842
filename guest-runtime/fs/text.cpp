// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/text.hpp"

#include <algorithm>
#include <cstring>

#include "guest-runtime/base/format.hpp"

namespace husk::fs {

Result<Text> Text::copy_of(std::string_view s) {
    Text text;
    text.text(s);
    HUSK_TRY(text.check());
    return text;
}

bool Text::grow(std::size_t more) {
    if (failed_) return false;
    if (storage_.size() - used_ >= more) return true;
    std::size_t wanted = std::max({used_ + more, storage_.size() * 2, std::size_t{32}});
    auto larger = HeapArray<char>::create(wanted);
    if (!larger.ok()) {
        failed_ = true;
        return false;
    }
    if (used_ != 0) std::memcpy(larger.value().data(), storage_.data(), used_);
    storage_ = std::move(larger).value();
    return true;
}

Text& Text::text(std::string_view s) {
    if (s.empty() || !grow(s.size())) return *this;
    std::memcpy(storage_.data() + used_, s.data(), s.size());
    used_ += s.size();
    return *this;
}

Text& Text::prepend(std::string_view s) {
    if (s.empty() || !grow(s.size())) return *this;
    std::memmove(storage_.data() + s.size(), storage_.data(), used_);
    std::memcpy(storage_.data(), s.data(), s.size());
    used_ += s.size();
    return *this;
}

Text& Text::decimal(std::uint64_t value, std::size_t width, char fill) {
    char buffer[40];
    return text(TextWriter(buffer).decimal(value, width, fill).view());
}

Text& Text::signed_decimal(std::int64_t value) {
    char buffer[24];
    return text(TextWriter(buffer).signed_decimal(value).view());
}

Text& Text::hex(std::uint64_t value, std::size_t digits) {
    char buffer[24];
    return text(TextWriter(buffer).hex(value, digits).view());
}

}  // namespace husk::fs
