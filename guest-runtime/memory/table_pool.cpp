// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/table_pool.hpp"

#include "guest-runtime/memory/frames.hpp"

namespace husk::memory {

Result<abi::GuestPhys> TablePool::take() {
    if (freed_count_ != 0) {
        abi::GuestPhys table{freed_ * abi::page_size};
        freed_ = frame_note(table);
        --freed_count_;
        return table;
    }
    if (fresh_.begin == fresh_.end) return Errno::enomem;
    abi::GuestPhys table{fresh_.begin};
    fresh_.begin += abi::page_size;
    return table;
}

void TablePool::give(abi::GuestPhys table) {
    frame_note(table) = freed_;
    freed_ = static_cast<std::uint32_t>(table.value / abi::page_size);
    ++freed_count_;
}

void TablePool::add(abi::PhysRange pages) {
    while (fresh_.begin != fresh_.end) {
        give({fresh_.begin});
        fresh_.begin += abi::page_size;
    }
    fresh_ = pages;
}

}  // namespace husk::memory
