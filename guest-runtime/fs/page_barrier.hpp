// SPDX-License-Identifier: Apache-2.0
// Keeps pages of a cache from the disk while blocks of them are being freed.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/page_cache.hpp"

namespace husk::fs {

// From close() to the end of this object no page of the range is read from the disk or written to it: what a mapping or
// a reader asks for meanwhile waits, also a direct one, as does the write-back of pages that stay. Otherwise it would
// reach blocks that belong to another file by then. One at a time, by whoever holds the owner's contents() and asks for
// no such page.
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

// While it lives, bytes of the file are read past the cache: its constructor waits for a barrier's end, and a barrier
// for its own.
class DirectRead : public ListNode<> {
public:
    DirectRead(PageCache& cache, std::uint64_t begin, std::uint64_t end)
        : cache_(cache), first_(begin / abi::page_size), last_((end - 1) / abi::page_size) {
        thread::wait_uninterruptibly(cache_.changes_, [this] {
            Guard guard(cache_.lock_);
            if (cache_.is_barred(first_, last_)) return false;
            cache_.direct_reads_.push_back(*this);
            return true;
        });
    }
    ~DirectRead() {
        Guard guard(cache_.lock_);
        unlink();
        if (cache_.is_barred(first_, last_)) cache_.changes_.wake_all();
    }
    DirectRead(const DirectRead&) = delete;
    DirectRead& operator=(const DirectRead&) = delete;

    [[nodiscard]] bool overlaps(std::uint64_t first, std::uint64_t last) const {
        return first_ <= last && first <= last_;
    }

private:
    PageCache& cache_;
    std::uint64_t first_, last_;
};

}  // namespace husk::fs
