// SPDX-License-Identifier: Apache-2.0
// A fuzzer's bytes, taken one after the other; zeroes when they are over.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace husk::fuzz {

class Input {
public:
    explicit Input(std::span<const std::uint8_t> bytes) : left_(bytes) {}
    [[nodiscard]] bool is_over() const { return left_.empty(); }
    std::uint8_t byte() {
        if (left_.empty()) return 0;
        const std::uint8_t value = left_.front();
        left_ = left_.subspan(1);
        return value;
    }
    std::uint16_t word() { return static_cast<std::uint16_t>(byte() << 8 | byte()); }
    std::uint32_t any() { return std::uint32_t{word()} << 16 | word(); }
    // Up to that many.
    std::span<const std::uint8_t> take(std::size_t most) {
        const auto part = left_.first(std::min(most, left_.size()));
        left_ = left_.subspan(part.size());
        return part;
    }

private:
    std::span<const std::uint8_t> left_;
};

}  // namespace husk::fuzz
