// SPDX-License-Identifier: Apache-2.0
// Where the bytes of one read go or those of one write come from: a list of pieces of user memory, or runtime memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "guest-runtime/base/result.hpp"

namespace husk::fs {

// struct iovec, its address not to be dereferenced.
struct UserSegment {
    std::uint64_t address;
    std::uint64_t size_bytes;
};

// A cursor over the pieces: put() fills them in order, take() drains them. Copies may fault pages in: never under a
// Spinlock. A piece of which only a part could be copied counts as not copied.
class IoBuffer {
public:
    // No transfer is larger, as in Linux (MAX_RW_COUNT).
    static constexpr std::size_t max_bytes = 0x7fff'f000;

    explicit IoBuffer(std::span<const UserSegment> segments);
    static IoBuffer of_runtime(std::span<std::byte> memory);

    [[nodiscard]] std::size_t remaining() const { return remaining_; }
    void limit(std::size_t size_bytes) { remaining_ = size_bytes < remaining_ ? size_bytes : remaining_; }

    // For those who move bytes without copying: what comes first, user memory or (address 0) the runtime's.
    [[nodiscard]] UserSegment front() const;
    [[nodiscard]] bool is_user_memory() const { return runtime_ == nullptr; }
    // Whether every piece begins and ends at a multiple of `alignment`, a power of two.
    [[nodiscard]] bool is_aligned(std::uint64_t alignment) const;

    // EFAULT when user memory is not there. size_bytes <= remaining().
    Result<> put(const void* from, std::size_t size_bytes);
    Result<> put_zeros(std::size_t size_bytes);
    Result<> take(void* to, std::size_t size_bytes);
    // Passes over bytes without copying.
    void skip(std::size_t size_bytes);

private:
    IoBuffer() = default;
    template <class CopyUser, class CopyRuntime>
    Result<> transfer(std::size_t size_bytes, CopyUser copy_user, CopyRuntime copy_runtime);

    std::span<const UserSegment> segments_;
    std::byte* runtime_ = nullptr;  // set: runtime memory, no segments
    std::size_t offset_ = 0;        // in the first of segments_, or in runtime_
    std::size_t remaining_ = 0;
};

}  // namespace husk::fs
