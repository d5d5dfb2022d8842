// SPDX-License-Identifier: Apache-2.0
// How much to read when a page is missing: one page here and there, ever more where one follows the other.
#pragma once

#include <algorithm>
#include <cstdint>

namespace husk::fs {

// Not locked.
class ReadAhead {
public:
    static constexpr std::uint64_t max_pages = 128;
    static constexpr std::uint64_t first_pages = 4;

    // `wanted` pages are asked for from `index` on, and that page is missing: how many to read at once.
    std::uint64_t on_miss(std::uint64_t index, std::uint64_t wanted) {
        bool follows = index == next_;
        window_ = follows ? std::clamp(2 * window_, first_pages, max_pages) : 1;
        std::uint64_t pages = std::min(std::max(wanted, window_), max_pages);
        window_ = std::max(window_, pages);
        next_ = index + pages;
        trigger_ = follows ? index + pages / 2 : none;
        return pages;
    }

    // Looking at page `index` is the moment to read on.
    [[nodiscard]] bool is_due(std::uint64_t index) const { return index == trigger_; }
    struct Range {
        std::uint64_t first, pages;
    };
    Range take_next() {
        window_ = std::min(2 * window_, max_pages);
        Range range{next_, window_};
        trigger_ = next_;
        next_ += window_;
        return range;
    }

private:
    static constexpr std::uint64_t none = UINT64_MAX;
    std::uint64_t next_ = 0;  // where a sequence goes on; a read of the beginning counts as one
    std::uint64_t window_ = 1;
    std::uint64_t trigger_ = none;
};

}  // namespace husk::fs
