// SPDX-License-Identifier: Apache-2.0
// Values of socket options between the application's bytes and types.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "guest-runtime/base/result.hpp"

namespace husk::net {

// EINVAL when `value` is shorter than a T; what is longer is cut.
template <class T>
Result<T> option_as(std::span<const std::byte> value) {
    if (value.size() < sizeof(T)) return Errno::einval;
    T typed;
    std::memcpy(&typed, value.data(), sizeof typed);
    return typed;
}

// As getsockopt(2) answers: cut to what there is room for.
template <class T>
std::size_t put_option(std::span<std::byte> to, const T& value) {
    std::size_t size = std::min(sizeof value, to.size());
    std::memcpy(to.data(), &value, size);
    return size;
}

inline std::size_t put_integer(std::span<std::byte> to, std::int64_t value) {
    return put_option(to, static_cast<std::int32_t>(value));
}

}  // namespace husk::net
