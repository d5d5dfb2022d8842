// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/user_segments.hpp"

namespace husk::fs {

Result<> UserSegments::load(UserPtr<UserSegment> from, std::uint64_t count) {
    constexpr std::uint64_t max_segments = 1024;  // UIO_MAXIOV
    if (count > max_segments) return Errno::einval;
    std::span<UserSegment> to(few_);
    if (count > to.size()) {
        many_ = HUSK_TRY(HeapArray<UserSegment>::create(count));
        to = many_.span();
    }
    to = to.first(count);
    if (count != 0) HUSK_TRY(copy_in(to.data(), from.address(), count * sizeof(UserSegment)));
    for (const UserSegment& segment : to) {
        if (static_cast<std::int64_t>(segment.size_bytes) < 0) return Errno::einval;
    }
    view_ = to;
    return {};
}

}  // namespace husk::fs
