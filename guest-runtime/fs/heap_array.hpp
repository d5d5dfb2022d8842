// SPDX-License-Identifier: Apache-2.0
// An array on the runtime's heap whose size is fixed when it is made.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/result.hpp"

namespace husk::fs {

// The elements are not initialised. An empty array owns nothing.
template <class T>
class HeapArray {
    static_assert(std::is_trivially_destructible_v<T>);

public:
    constexpr HeapArray() = default;
    HeapArray(HeapArray&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    HeapArray& operator=(HeapArray other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~HeapArray() {
        if (data_ != nullptr) heap::release(data_, size_ * sizeof(T));
    }

    static Result<HeapArray> create(std::size_t elements) {
        HeapArray array;
        if (elements == 0) return array;
        if (elements > SIZE_MAX / sizeof(T)) return Errno::enomem;
        array.data_ = static_cast<T*>(heap::allocate(elements * sizeof(T)));
        if (array.data_ == nullptr) return Errno::enomem;
        array.size_ = elements;
        return array;
    }

    [[nodiscard]] T* data() { return data_; }
    [[nodiscard]] const T* data() const { return data_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::span<T> span() { return {data_, size_}; }
    T& operator[](std::size_t index) { return data_[index]; }
    const T& operator[](std::size_t index) const { return data_[index]; }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace husk::fs
