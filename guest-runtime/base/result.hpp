// SPDX-License-Identifier: Apache-2.0
// A value or an errno; errors rise by HUSK_TRY to whoever can answer them, in the end the system call's caller.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "guest-runtime/base/errno.hpp"

namespace husk {

template <class T = void>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)), has_value_(true) {}
    Result(Errno error) : error_(error), has_value_(false) {}
    Result(Result&& other) noexcept : has_value_(other.has_value_) {
        if (has_value_) {
            new (&value_) T(std::move(other.value_));
        } else {
            error_ = other.error_;
        }
    }
    Result& operator=(Result&&) = delete;
    ~Result() {
        if (has_value_) value_.~T();
    }

    [[nodiscard]] bool ok() const { return has_value_; }
    [[nodiscard]] Errno error() const { return error_; }
    [[nodiscard]] T& value() & { return value_; }
    [[nodiscard]] const T& value() const& { return value_; }
    [[nodiscard]] T&& value() && { return std::move(value_); }

private:
    union {
        T value_;
        Errno error_;
    };
    bool has_value_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Errno error) : error_(error), ok_(false) {}

    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] Errno error() const { return error_; }
    void value() const {}

private:
    Errno error_ = Errno::eperm;
    bool ok_ = true;
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
