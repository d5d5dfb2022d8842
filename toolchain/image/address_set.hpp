// SPDX-License-Identifier: Apache-2.0
// A sorted set of addresses that answers "is one of them inside this range".
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace husk::toolchain {

class AddressSet {
public:
    AddressSet() = default;
    explicit AddressSet(std::vector<std::uint64_t> addresses) : addresses_(std::move(addresses)) {
        std::sort(addresses_.begin(), addresses_.end());
        addresses_.erase(std::unique(addresses_.begin(), addresses_.end()), addresses_.end());
    }

    [[nodiscard]] bool contains(std::uint64_t address) const {
        return std::binary_search(addresses_.begin(), addresses_.end(), address);
    }
    // Is there an element x with begin < x < end?
    [[nodiscard]] bool any_inside(std::uint64_t begin, std::uint64_t end) const {
        const auto at = std::upper_bound(addresses_.begin(), addresses_.end(), begin);
        return at != addresses_.end() && *at < end;
    }
    [[nodiscard]] const std::vector<std::uint64_t>& sorted() const { return addresses_; }

private:
    std::vector<std::uint64_t> addresses_;
};

}  // namespace husk::toolchain
