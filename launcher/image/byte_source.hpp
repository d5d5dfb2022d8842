// SPDX-License-Identifier: Apache-2.0
// Where an image's bytes come from: a file, or memory in tests and fuzzers.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace husk::image {

class ByteSource {
public:
    virtual ~ByteSource() = default;
    [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;

    // Fills `bytes` from `offset` on; the caller has checked with contains() that they are there.
    virtual void copy_out(std::uint64_t offset, std::span<std::byte> bytes) const = 0;

    [[nodiscard]] bool contains(std::uint64_t offset, std::uint64_t bytes) const {
        return offset <= size_bytes() && bytes <= size_bytes() - offset;
    }

    template <class T>
    [[nodiscard]] T read(std::uint64_t offset) const {
        static_assert(std::is_trivially_copyable_v<T>);
        T value;
        copy_out(offset, std::as_writable_bytes(std::span(&value, 1)));
        return value;
    }
};

class MemorySource final : public ByteSource {
public:
    explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return bytes_.size(); }
    void copy_out(std::uint64_t offset, std::span<std::byte> bytes) const override {
        std::ranges::copy(bytes_.subspan(offset, bytes.size()), bytes.begin());
    }

private:
    std::span<const std::byte> bytes_;
};

}  // namespace husk::image
