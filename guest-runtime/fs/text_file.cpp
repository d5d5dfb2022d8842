// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/text_file.hpp"

#include <algorithm>

namespace husk::fs {

Result<std::size_t> TextFile::read(IoBuffer& to, std::optional<std::uint64_t> offset) {
    Guard guard(position_lock_);
    std::uint64_t from = offset.value_or(position_);
    if (from >= contents_.size()) return 0;
    std::size_t piece = std::min(to.remaining(), contents_.size() - from);
    HUSK_TRY(to.put(contents_.view().data() + from, piece));
    if (!offset) position_ += piece;
    return piece;
}

Result<std::size_t> TextFile::write(IoBuffer& from, std::optional<std::uint64_t>) {
    constexpr std::size_t longest = 4096;
    if (store_ == nullptr) return Errno::eio;
    std::size_t size = from.remaining();
    if (size > longest) return Errno::einval;
    auto text = HUSK_TRY(HeapArray<char>::create(size));
    HUSK_TRY(from.take(text.data(), size));
    HUSK_TRY(store_({text.data(), size}, id_));
    return size;
}

Result<std::uint64_t> TextFile::seek(std::int64_t offset, int whence) {
    Guard guard(position_lock_);
    std::int64_t base = 0;
    if (whence == seek_from::current) {
        base = static_cast<std::int64_t>(position_);
    } else if (whence != seek_from::start) {
        return Errno::einval;
    }
    std::int64_t target;
    if (__builtin_add_overflow(base, offset, &target)) return Errno::eoverflow;
    if (target < 0) return Errno::einval;
    position_ = static_cast<std::uint64_t>(target);
    return position_;
}

}  // namespace husk::fs
