// SPDX-License-Identifier: Apache-2.0
// The iovec array of readv(2) and its kin, copied.
#pragma once

#include <span>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/fs/io_buffer.hpp"

namespace husk::fs {

class UserSegments {
public:
    UserSegments() = default;
    UserSegments(const UserSegments&) = delete;
    UserSegments& operator=(const UserSegments&) = delete;

    // EINVAL for more than 1024 pieces or a negative size, EFAULT.
    Result<> load(UserPtr<UserSegment> from, std::uint64_t count);
    [[nodiscard]] std::span<const UserSegment> view() const { return view_; }

private:
    UserSegment few_[8];
    HeapArray<UserSegment> many_;
    std::span<const UserSegment> view_;
};

}  // namespace husk::fs
