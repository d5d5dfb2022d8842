// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/memory/table_pool.hpp"

#include "guest-runtime/memory/frames.hpp"

namespace husk::memory {

// Fresh pages first: they are 0, and each entry that a used one still holds costs a write.
Result<abi::GuestPhys> TablePool::take() {
    if (fresh_.begin != fresh_.end) {
        abi::GuestPhys table{fresh_.begin};
        fresh_.begin += abi::page_size;
        return table;
    }
    if (freed_count_ == 0) return Errno::enomem;
    abi::GuestPhys table{freed_ * abi::page_size};
    freed_ = frame_note(table);
    --freed_count_;
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
