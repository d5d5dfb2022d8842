// SPDX-License-Identifier: Apache-2.0
// A value or an errno; errors rise by HUSK_TRY to whoever can answer them, in the end the system call's caller.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "guest-runtime/base/errno.hpp"

namespace husk {

// What there is of a T: the value while error is Errno{}, which is no error. Apart from Result, so that one of a
// trivial type is trivial itself and comes back in registers: 4 % of the runtime's code was the way through memory.
template <class T, bool trivial = std::is_trivially_copyable_v<T>>
struct ResultStorage {
    union {
        char nothing_;
        T value_;
    };
    Errno error_;

    ResultStorage(T&& value) : value_(std::move(value)), error_() {}
    ResultStorage(Errno error) : nothing_(), error_(error) {}
    ResultStorage(ResultStorage&& other) noexcept : nothing_(), error_(other.error_) {
        if (error_ == Errno{}) new (&value_) T(std::move(other.value_));
    }
    ResultStorage& operator=(ResultStorage&&) = delete;
    ~ResultStorage() {
        if (error_ == Errno{}) value_.~T();
    }
};

template <class T>
struct ResultStorage<T, true> {
    union {
        char nothing_;
        T value_;
    };
    Errno error_;

    ResultStorage(const T& value) : value_(value), error_() {}
    ResultStorage(Errno error) : nothing_(), error_(error) {}
};

template <class T = void>
class [[nodiscard]] Result : private ResultStorage<T> {
    using Storage = ResultStorage<T>;

public:
    Result(T value) : Storage(std::move(value)) {}
    Result(Errno error) : Storage(error) {}

    [[nodiscard]] bool ok() const { return Storage::error_ == Errno{}; }
    [[nodiscard]] Errno error() const { return Storage::error_; }
    [[nodiscard]] T& value() & { return Storage::value_; }
    [[nodiscard]] const T& value() const& { return Storage::value_; }
    [[nodiscard]] T&& value() && { return std::move(Storage::value_); }
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Errno error) : error_(error) {}

    [[nodiscard]] bool ok() const { return error_ == Errno{}; }
    [[nodiscard]] Errno error() const { return error_; }
    void value() const {}

private:
    Errno error_{};
};

}  // namespace husk

// HUSK_TRY(expression) is the value of a Result, or returns its error from the enclosing function.
#define HUSK_TRY(...) HUSK_TRY_COUNTED(__COUNTER__, __VA_ARGS__)
#define HUSK_TRY_COUNTED(number, ...) HUSK_TRY_NAMED(number, __VA_ARGS__)
// The number keeps an inner HUSK_TRY from shadowing an outer one's variable.
#define HUSK_TRY_NAMED(number, ...)                                          \
    ({                                                                       \
        auto husk_result_##number = (__VA_ARGS__);                           \
        if (!husk_result_##number.ok()) return husk_result_##number.error(); \
        std::move(husk_result_##number).value();                             \
    })
