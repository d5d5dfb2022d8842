// SPDX-License-Identifier: Apache-2.0
// A socket's address as the application writes it: a sockaddr of any family, copied.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace husk::net {

enum class Family : std::uint16_t { unspecified = 0, local = 1, inet = 2, inet6 = 10, netlink = 16 };

// struct sockaddr_storage and how much of it counts. Without bytes: no address.
struct Address {
    static constexpr std::uint32_t max_bytes = 128;

    std::array<std::byte, max_bytes> bytes{};
    std::uint32_t size_bytes = 0;

    [[nodiscard]] bool is_empty() const { return size_bytes == 0; }
    [[nodiscard]] Family family() const {
        std::uint16_t value = 0;
        if (size_bytes >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
        return static_cast<Family>(value);
    }
    [[nodiscard]] std::span<const std::byte> view() const { return std::span(bytes).first(size_bytes); }

    // One of Linux's sockaddr structs; the rest of `T` reads as zero when the address is shorter.
    template <class T>
    [[nodiscard]] T as() const {
        static_assert(sizeof(T) <= max_bytes);
        T value{};
        std::memcpy(&value, bytes.data(), std::min<std::size_t>(sizeof value, size_bytes));
        return value;
    }
    template <class T>
    static Address from(const T& value) {
        static_assert(sizeof(T) <= max_bytes);
        Address address;
        std::memcpy(address.bytes.data(), &value, sizeof value);
        address.size_bytes = sizeof value;
        return address;
    }
};

}  // namespace husk::net
