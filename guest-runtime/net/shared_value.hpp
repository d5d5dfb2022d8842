// SPDX-License-Identifier: Apache-2.0
// A value that is read and written without a lock, and copied like any other.
#pragma once

#include <atomic>

namespace husk::net {

template <class T>
class SharedValue {
public:
    constexpr SharedValue() = default;
    constexpr SharedValue(T value) : value_(value) {}
    SharedValue(const SharedValue& other) : value_(other.load()) {}
    SharedValue& operator=(const SharedValue& other) {
        store(other.load());
        return *this;
    }
    SharedValue& operator=(T value) {
        store(value);
        return *this;
    }
    operator T() const { return load(); }

    [[nodiscard]] T load() const { return value_.load(std::memory_order_relaxed); }
    void store(T value) { value_.store(value, std::memory_order_relaxed); }
    void clear_bits(T bits) { value_.fetch_and(static_cast<T>(~bits), std::memory_order_relaxed); }
    // Leaves another value than `old` as it is.
    void replace(T old, T value) { value_.compare_exchange_strong(old, value, std::memory_order_relaxed); }

private:
    std::atomic<T> value_ = T{};
};

}  // namespace husk::net
