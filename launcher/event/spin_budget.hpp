// SPDX-License-Identifier: Apache-2.0
// Whether spinning has been worth it lately: each failure in a row doubles how often it is left out.
#pragma once

#include <algorithm>
#include <cstdint>

namespace husk::event {

class SpinBudget final {
public:
    // Whether take() would allow it.
    [[nodiscard]] bool allows() const { return skip_ == 0; }

    // Whether to spin this time.
    [[nodiscard]] bool take() {
        if (skip_ == 0) return true;
        --skip_;
        return false;
    }

    void succeed() { penalty_ = 0; }

    void fail() {
        constexpr std::uint32_t longest_penalty = 64;
        penalty_ = std::clamp(2 * penalty_, std::uint32_t{1}, longest_penalty);
        skip_ = penalty_;
    }

private:
    std::uint32_t penalty_ = 0;
    std::uint32_t skip_ = 0;
};

}  // namespace husk::event
