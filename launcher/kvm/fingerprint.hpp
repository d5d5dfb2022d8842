// SPDX-License-Identifier: Apache-2.0
// A 64-bit hash that tells changed or damaged data from the same; no protection against intent.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace husk::kvm {

class Fingerprint final {
public:
    void add(const void* data, std::size_t size_bytes) {
        const char* at = static_cast<const char*>(data);
        while (size_bytes != 0) {
            std::uint64_t word = 0;
            const std::size_t bytes = std::min(size_bytes, sizeof word);
            std::memcpy(&word, at, bytes);
            value_ = (value_ ^ word ^ bytes) * 0x9e37'79b9'7f4a'7c15;
            value_ ^= value_ >> 29;
            at += bytes;
            size_bytes -= bytes;
        }
    }
    [[nodiscard]] std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 0x6b73'7548'6b73'7548;
};

}  // namespace husk::kvm
