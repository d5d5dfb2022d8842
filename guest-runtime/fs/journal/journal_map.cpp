// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/journal_map.hpp"

#include <algorithm>

namespace husk::journal {

Result<> JournalMap::append(std::uint64_t device_block, std::uint32_t blocks) {
    if (blocks == 0) return {};
    if (blocks > UINT32_MAX - block_count_) return Errno::efbig;
    if (used_ != 0) {
        Extent& last = extents_[used_ - 1];
        if (last.run.device_block + last.run.blocks == device_block) {
            last.run.blocks += blocks;
            block_count_ += blocks;
            return {};
        }
    }
    if (used_ == extents_.size()) {
        auto bigger = HUSK_TRY(fs::HeapArray<Extent>::create(std::max<std::size_t>(8, used_ * 2)));
        std::copy_n(extents_.data(), used_, bigger.data());
        extents_ = std::move(bigger);
    }
    extents_[used_++] = {block_count_, {device_block, blocks}};
    block_count_ += blocks;
    return {};
}

JournalMap::Run JournalMap::find(std::uint32_t index, std::uint32_t wanted) const {
    const Extent* behind =
        std::upper_bound(extents_.data(), extents_.data() + used_, index,
                         [](std::uint32_t i, const Extent& extent) { return i < extent.first_index; });
    const Extent& extent = behind[-1];
    std::uint32_t offset = index - extent.first_index;
    return {extent.run.device_block + offset, std::min(wanted, extent.run.blocks - offset)};
}

}  // namespace husk::journal
