// SPDX-License-Identifier: Apache-2.0
// A limit on how much may pass in a second, with a burst of a tenth of it.
//
//   if (!bucket.is_open(now_ns)) ...come back at bucket.opens_ns()...
//   bucket.take(frame_bytes);
#pragma once

#include <algorithm>
#include <cstdint>

namespace husk::event {

class TokenBucket final {
public:
    // per_second 0: no limit.
    explicit TokenBucket(std::uint64_t per_second)
        : per_ns_(static_cast<double>(per_second) / second_ns),
          burst_(std::max(1.0, static_cast<double>(per_second) / 10)),
          level_(burst_) {}

    [[nodiscard]] bool is_limited() const { return per_ns_ != 0; }

    // Whether anything may pass now. What passes may be more than is left: the rest is owed.
    [[nodiscard]] bool is_open(std::uint64_t now_ns) {
        if (per_ns_ == 0) return true;
        if (filled_ns_ != 0) level_ = std::min(burst_, level_ + static_cast<double>(now_ns - filled_ns_) * per_ns_);
        filled_ns_ = now_ns;
        return level_ > 0;
    }

    void take(std::uint64_t tokens) {
        if (per_ns_ != 0) level_ -= static_cast<double>(tokens);
    }

    // On the clock of is_open(); UINT64_MAX: it is open.
    [[nodiscard]] std::uint64_t opens_ns() const {
        if (per_ns_ == 0 || level_ > 0) return UINT64_MAX;
        return filled_ns_ + static_cast<std::uint64_t>(-level_ / per_ns_) + 1;
    }

private:
    static constexpr double second_ns = 1e9;

    double per_ns_;
    double burst_;
    double level_;
    std::uint64_t filled_ns_ = 0;
};

}  // namespace husk::event
