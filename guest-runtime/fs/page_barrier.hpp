// SPDX-License-Identifier: Apache-2.0
// Keeps pages of a cache from the disk while blocks of them are being freed.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/page_cache.hpp"

namespace husk::fs {

// From close() to the end of this object no page of the range is read from the disk or written to it: what a mapping or
// a reader asks for meanwhile waits, as does the write-back of pages that stay. Otherwise it would reach blocks that
// belong to another file by then. One at a time, by whoever holds the owner's contents() and asks for no such page.
class PageBarrier {
public:
    explicit PageBarrier(PageCache& cache) : cache_(cache) {}
    ~PageBarrier() {
        if (!is_closed_) return;
        Guard guard(cache_.lock_);
        cache_.barred_first_ = UINT64_MAX;
        cache_.barred_last_ = 0;
        cache_.changes_.wake_all();
    }
    PageBarrier(const PageBarrier&) = delete;
    PageBarrier& operator=(const PageBarrier&) = delete;

    // For the pages [first, last]; waits for transfers that are in flight.
    void close(std::uint64_t first, std::uint64_t last) {
        {
            Guard guard(cache_.lock_);
            cache_.barred_first_ = first;
            cache_.barred_last_ = last;
            ++cache_.barriers_;
        }
        is_closed_ = true;
        cache_.wait_for_transfers(first, last);
    }

private:
    PageCache& cache_;
    bool is_closed_ = false;
};

}  // namespace husk::fs
