// SPDX-License-Identifier: Apache-2.0
// The shape of a system call inside the runtime: its arguments, and a result as Linux returns it in rax.
#pragma once

#include <cstdint>

#include "guest-runtime/arch/context.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/base/user_memory.hpp"

namespace husk::sys {

// The interrupted context read as a system call: six arguments in rdi, rsi, rdx, r10, r8, r9.
struct Call : arch::Context {
    [[nodiscard]] std::uint64_t operator[](unsigned index) const {
        switch (index) {
            case 0:
                return rdi;
            case 1:
                return rsi;
            case 2:
                return rdx;
            case 3:
                return r10;
            case 4:
                return r8;
            default:
                return r9;
        }
    }
    [[nodiscard]] int fd(unsigned index) const { return static_cast<int>((*this)[index]); }
    [[nodiscard]] int integer(unsigned index) const { return static_cast<int>((*this)[index]); }
    template <class T>
    [[nodiscard]] UserPtr<T> pointer(unsigned index) const {
        return UserPtr<T>((*this)[index]);
    }
};

// What goes into rax: a value, or a negated errno. Trivial, so that it travels in a register.
class SysResult {
public:
    SysResult(Errno error) : raw_(-static_cast<long>(error)) {}
    SysResult(Result<> result) : raw_(result.ok() ? 0 : -static_cast<long>(result.error())) {}
    template <class T>
    requires std::is_integral_v<T> SysResult(Result<T> result)
        : raw_(result.ok() ? static_cast<long>(result.value()) : -static_cast<long>(result.error())) {}
    template <class T>
    requires std::is_integral_v<T>
    constexpr SysResult(T value) : raw_(static_cast<long>(value)) {}

    [[nodiscard]] long raw() const { return raw_; }

private:
    long raw_;
};

using Handler = SysResult (*)(const Call&);

}  // namespace husk::sys
