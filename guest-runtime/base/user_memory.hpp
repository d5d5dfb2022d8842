// SPDX-License-Identifier: Apache-2.0
// The border to the application's memory: addresses that cannot be dereferenced, copied across with EFAULT on a fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "guest-runtime/base/result.hpp"

namespace husk {

// Copies may fault lazily backed pages in. Never copy while holding a Spinlock.
Result<> copy_in(void* to, std::uint64_t from_user, std::size_t size_bytes);
Result<> copy_out(std::uint64_t to_user, const void* from, std::size_t size_bytes);
// Under a Spinlock: nothing when the page is not there at this moment. It may come by a copy_in() without the lock.
std::optional<std::uint32_t> try_load32(std::uint64_t from_user);
// The same: writes `desired` if the word is `expected`, in one step for all vCPUs, and says what it was. Nothing when
// its page is not there to be written; make_writable32() without the lock changes that.
std::optional<std::uint32_t> try_exchange32(std::uint64_t at_user, std::uint32_t expected, std::uint32_t desired);
Result<> make_writable32(std::uint64_t at_user);
Result<> zero_out(std::uint64_t to_user, std::size_t size_bytes);
// Copies a NUL-terminated string into `to`. ENAMETOOLONG when it does not fit with its NUL. Returns its length without
// NUL.
Result<std::size_t> copy_in_string(std::span<char> to, std::uint64_t from_user);

// An application's T*.
template <class T>
class UserPtr {
public:
    constexpr UserPtr() = default;
    explicit constexpr UserPtr(std::uint64_t address) : address_(address) {}

    [[nodiscard]] std::uint64_t address() const { return address_; }
    explicit operator bool() const { return address_ != 0; }
    [[nodiscard]] UserPtr offset(std::size_t elements) const { return UserPtr(address_ + elements * sizeof(T)); }

    [[nodiscard]] Result<T> load() const requires std::is_trivially_copyable_v<T> {
        T value;
        auto copied = copy_in(&value, address_, sizeof value);
        if (!copied.ok()) return copied.error();
        return value;
    }
    [[nodiscard]] Result<> store(const T& value) const requires std::is_trivially_copyable_v<T> {
        return copy_out(address_, &value, sizeof value);
    }

private:
    std::uint64_t address_ = 0;
};

}  // namespace husk
