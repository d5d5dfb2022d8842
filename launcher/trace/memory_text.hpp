// SPDX-License-Identifier: Apache-2.0
// Bytes of the guest's as text that cannot drive a terminal, and words out of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace husk::trace {

// In quotes, with C's escapes; `...` behind them when there is more.
[[nodiscard]] std::string quoted_text(std::string_view bytes, bool is_cut);

// The word at this offset, 0 behind the end: a struct of the guest's may have been cut.
template <class T>
[[nodiscard]] T word_at(std::string_view bytes, std::size_t offset) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    if (offset <= bytes.size() && bytes.size() - offset >= sizeof value)
        std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

// Up to the first NUL.
[[nodiscard]] std::string_view string_at(std::string_view bytes, std::size_t offset, std::size_t most);

}  // namespace husk::trace
