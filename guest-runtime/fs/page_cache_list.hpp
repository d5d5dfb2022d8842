// SPDX-License-Identifier: Apache-2.0
// All page caches of the VM: what they hold together, and who writes back what has been dirty for long.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/fs/filesystem.hpp"
#include "guest-runtime/fs/page_cache.hpp"
#include "guest-runtime/thread/mutex.hpp"

namespace husk::fs {

class PageCacheList {
public:
    // For PageCache.
    void add(PageCache& cache);
    void remove(PageCache& cache);
    void add_dirty(PageCache& cache);
    void remove_dirty(PageCache& cache);
    // More pages are dirty; `before` were.
    void on_dirty(std::uint64_t before);

    // Writes back every dirty cache of that file system, or of all: the first error.
    Result<> write_back_all(Filesystem* only);
    // What the background thread does every second while something is dirty.
    void write_back_old();
    // Drops up to that many clean pages that nobody else holds; returns how many. Never sleeps; skips what is locked.
    std::uint64_t shrink(std::uint64_t pages);

    std::atomic<std::uint64_t> pages = 0;
    std::atomic<std::uint64_t> dirty_pages = 0;

private:
    template <class Visit>
    void for_each_dirty(Visit visit);
    PageCache* next_dirty(std::uint64_t round);

    Spinlock lock_;
    List<PageCache, CacheTag> caches_;
    List<PageCache, DirtyCacheTag> dirty_;
    thread::Mutex round_mutex_;  // one walk through dirty_ at a time
    std::uint64_t round_ = 0;
};

PageCacheList& page_caches();

// After a write, with no lock held: when too much is dirty, the writer writes some of it back.
void balance_dirty_pages(PageCache& cache);

}  // namespace husk::fs
