// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/page_cache_list.hpp"

#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/reclaim.hpp"
#include "guest-runtime/thread/clock.hpp"
#include "guest-runtime/thread/runtime_thread.hpp"

namespace husk::fs {

namespace {

constinit PageCacheList list;
constinit thread::WaitQueue work;  // woken when the first page becomes dirty, and when there are too many
constinit std::atomic<bool> is_started = false;
// From here on the background thread writes without waiting for pages to grow old; from twice that on writers help.
constinit std::atomic<std::uint64_t> many_dirty_pages = UINT64_MAX / 2;

constexpr std::uint64_t look_interval_ns = 1'000'000'000;
constexpr std::uint64_t old_ns = 5'000'000'000;
constexpr std::uint64_t step_pages = 256;

std::uint64_t dirty_count() { return list.dirty_pages.load(std::memory_order_relaxed); }
std::uint64_t many() { return many_dirty_pages.load(std::memory_order_relaxed); }

void run_write_back(void*) {
    for (;;) {
        thread::wait_uninterruptibly(work, [] { return dirty_count() != 0; });
        if (dirty_count() < many()) {
            thread::QueuedSleeper sleeper(work);
            thread::prepare_to_park();
            (void)thread::park_uninterruptible(thread::Deadline::after_ns(look_interval_ns));
        }
        list.write_back_old();
    }
}

void start() {
    if (is_started.exchange(true)) return;
    many_dirty_pages.store(memory::frame_counts().total / 16, std::memory_order_relaxed);
    memory::set_reclaimer([](std::uint64_t frames) { return list.shrink(frames); });
    // Without the thread pages are written by sync and when there are too many.
    (void)thread::start_runtime_thread(run_write_back, nullptr);
}

}  // namespace

PageCacheList& page_caches() { return list; }

void PageCacheList::add(PageCache& cache) {
    start();
    Guard guard(lock_);
    caches_.push_back(cache);
}

void PageCacheList::remove(PageCache& cache) {
    Guard guard(lock_);
    static_cast<ListNode<CacheTag>&>(cache).unlink();
    static_cast<ListNode<DirtyCacheTag>&>(cache).unlink();
}

void PageCacheList::add_dirty(PageCache& cache) {
    Guard guard(lock_);
    if (!static_cast<ListNode<DirtyCacheTag>&>(cache).is_linked()) dirty_.push_back(cache);
}

void PageCacheList::remove_dirty(PageCache& cache) {
    Guard guard(lock_);
    static_cast<ListNode<DirtyCacheTag>&>(cache).unlink();
}

void PageCacheList::on_dirty(std::uint64_t before) {
    if (before == 0 || before == many()) work.wake_all();
}

// A dirty cache that this round has not visited yet, its owner retained.
PageCache* PageCacheList::next_dirty(std::uint64_t round) {
    Guard guard(lock_);
    for (;;) {
        PageCache* cache = dirty_.front();
        if (cache == nullptr || cache->round_ == round) return nullptr;
        cache->round_ = round;
        static_cast<ListNode<DirtyCacheTag>&>(*cache).unlink();
        dirty_.push_back(*cache);
        if (cache->owner().try_retain()) return cache;
    }
}

template <class Visit>
void PageCacheList::for_each_dirty(Visit visit) {
    Guard guard(round_mutex_);
    std::uint64_t round = ++round_;
    while (PageCache* cache = next_dirty(round)) {
        visit(*cache);
        cache->owner().release();
    }
}

Result<> PageCacheList::write_back_all(Filesystem* only) {
    Result<> result;
    for_each_dirty([&](PageCache& cache) {
        if (only != nullptr && &cache.owner().filesystem() != only) return;
        auto written = cache.write_back(0, UINT64_MAX);
        if (!written.ok() && result.ok()) result = written.error();
    });
    return result;
}

void PageCacheList::write_back_old() {
    std::uint64_t now_ns = thread::monotonic_ns();
    bool all = dirty_count() >= many();
    for_each_dirty([&](PageCache& cache) {
        bool is_due = false;
        {
            Guard guard(cache.lock_);
            is_due = cache.pages_.marked_count() != 0 && (all || now_ns - cache.dirty_since_ns_ >= old_ns);
            if (is_due) cache.dirty_since_ns_ = now_ns;
        }
        if (is_due) cache.write_some(UINT64_MAX);
    });
}

std::uint64_t PageCacheList::shrink(std::uint64_t wanted) {
    if (!lock_.try_lock()) return 0;
    std::uint64_t gone = 0;
    // Twice: the first round may only find that pages have been used.
    for (int round = 0; round < 2 && gone < wanted; ++round) {
        for (PageCache& cache : caches_) {
            if (gone >= wanted) break;
            if (!cache.lock_.try_lock()) continue;
            gone += cache.evict(wanted - gone);
            cache.lock_.unlock();
        }
    }
    lock_.unlock();
    return gone;
}

void balance_dirty_pages(PageCache& cache) {
    // Pages that are mapped for writing stay dirty: there is no end to wait for.
    for (int step = 0; step < 4 && dirty_count() > 2 * many(); ++step) {
        if (!cache.write_some(step_pages)) return;
    }
}

}  // namespace husk::fs
