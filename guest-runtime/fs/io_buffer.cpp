// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/io_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "guest-runtime/base/user_memory.hpp"

namespace husk::fs {

IoBuffer::IoBuffer(std::span<const UserSegment> segments) : segments_(segments) {
    for (const UserSegment& segment : segments) {
        remaining_ += std::min<std::size_t>(segment.size_bytes, max_bytes - remaining_);
    }
}

IoBuffer IoBuffer::of_runtime(std::span<std::byte> memory) {
    IoBuffer buffer;
    buffer.runtime_ = memory.data();
    buffer.remaining_ = memory.size();
    return buffer;
}

// copy_user(user address, done, bytes) and copy_runtime(pointer, bytes) move one piece that starts `done` bytes in.
template <class CopyUser, class CopyRuntime>
Result<> IoBuffer::transfer(std::size_t size_bytes, CopyUser copy_user, CopyRuntime copy_runtime) {
    if (runtime_ != nullptr) {
        copy_runtime(runtime_ + offset_, size_bytes);
        skip(size_bytes);
        return {};
    }
    std::size_t done = 0;
    std::size_t index = 0;
    std::size_t offset = offset_;
    while (done < size_bytes) {
        const UserSegment& segment = segments_[index];
        std::size_t piece = std::min<std::size_t>(segment.size_bytes - offset, size_bytes - done);
        if (piece != 0) HUSK_TRY(copy_user(segment.address + offset, done, piece));
        done += piece;
        offset = 0;
        ++index;
    }
    skip(size_bytes);
    return {};
}

Result<> IoBuffer::put(const void* from, std::size_t size_bytes) {
    const auto* bytes = static_cast<const std::byte*>(from);
    return transfer(
        size_bytes,
        [&](std::uint64_t user, std::size_t done, std::size_t piece) { return copy_out(user, bytes + done, piece); },
        [&](std::byte* runtime, std::size_t piece) { std::memcpy(runtime, bytes, piece); });
}

Result<> IoBuffer::put_zeros(std::size_t size_bytes) {
    return transfer(
        size_bytes, [](std::uint64_t user, std::size_t, std::size_t piece) { return zero_out(user, piece); },
        [](std::byte* runtime, std::size_t piece) { std::memset(runtime, 0, piece); });
}

Result<> IoBuffer::take(void* to, std::size_t size_bytes) {
    auto* bytes = static_cast<std::byte*>(to);
    return transfer(
        size_bytes,
        [&](std::uint64_t user, std::size_t done, std::size_t piece) { return copy_in(bytes + done, user, piece); },
        [&](std::byte* runtime, std::size_t piece) { std::memcpy(bytes, runtime, piece); });
}

UserSegment IoBuffer::front() const {
    if (runtime_ != nullptr || segments_.empty()) return {0, remaining_};
    const UserSegment& segment = segments_.front();
    return {segment.address + offset_, std::min<std::uint64_t>(segment.size_bytes - offset_, remaining_)};
}

bool IoBuffer::is_aligned(std::uint64_t alignment) const {
    std::uint64_t bits = 0;
    std::uint64_t left = remaining_;
    std::uint64_t offset = offset_;
    for (const UserSegment& segment : segments_) {
        std::uint64_t size = std::min(segment.size_bytes - offset, left);
        if (size != 0) bits |= (segment.address + offset) | size;
        left -= size;
        offset = 0;
    }
    return (bits & (alignment - 1)) == 0;
}

void IoBuffer::skip(std::size_t size_bytes) {
    remaining_ -= size_bytes;
    offset_ += size_bytes;
    if (runtime_ != nullptr) return;
    while (!segments_.empty() && offset_ >= segments_.front().size_bytes) {
        offset_ -= segments_.front().size_bytes;
        segments_ = segments_.subspan(1);
    }
}

}  // namespace husk::fs
