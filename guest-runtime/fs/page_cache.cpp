// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/page_cache.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "guest-runtime/fs/inode.hpp"
#include "guest-runtime/fs/page_barrier.hpp"
#include "guest-runtime/fs/page_cache_list.hpp"
#include "guest-runtime/fs/page_fill.hpp"
#include "guest-runtime/fs/page_write_back.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::fs {

using abi::page_size;

namespace {

void release_slot(abi::GuestPhys slot) { memory::release_frames(CachedPage(slot).frame(), 0); }

}  // namespace

PageCache::PageCache(Inode& owner, BlockMap& map) : owner_(owner), map_(map) { page_caches().add(*this); }

PageCache::~PageCache() {
    page_caches().remove(*this);
    drop_pages(0, UINT64_MAX);
}

// With lock_ held. The owner lives: whoever makes a page dirty holds it.
void PageCache::set_dirty(std::uint64_t index, CachedPage page) {
    if (page.has(page_state::dirty)) return;
    pages_.replace(index, page.with(page_state::dirty).slot());
    pages_.mark(index);
    if (pages_.marked_count() == 1) {
        dirty_since_ns_ = thread::monotonic_ns();
        page_caches().add_dirty(*this);
    }
    if (!keeps_owner_ && !is_orphan_) {
        keeps_owner_ = true;
        owner_.retain();
    }
    page_caches().on_dirty(page_caches().dirty_pages.fetch_add(1, std::memory_order_relaxed));
}

// With lock_ held; nothing in the range is under way.
void PageCache::remove_pages(std::uint64_t first, std::uint64_t last) {
    std::uint64_t pages = pages_.page_count(), dirty = pages_.marked_count();
    pages_.remove(first, last, release_slot);
    page_caches().pages.fetch_sub(pages - pages_.page_count(), std::memory_order_relaxed);
    page_caches().dirty_pages.fetch_sub(dirty - pages_.marked_count(), std::memory_order_relaxed);
}

// Lets the owner go once nothing is dirty any more. The caller holds it too, and no lock.
void PageCache::update_keep() {
    {
        Guard guard(lock_);
        bool is_clean = pages_.marked_count() == 0;
        if (is_clean) page_caches().remove_dirty(*this);
        if (!keeps_owner_ || (!is_clean && !is_orphan_)) return;
        keeps_owner_ = false;
    }
    owner_.release();
}

void PageCache::orphan(bool yes) {
    {
        Guard guard(lock_);
        is_orphan_ = yes;
        if (!yes && !keeps_owner_ && pages_.marked_count() != 0) {
            keeps_owner_ = true;
            owner_.retain();
        }
    }
    update_keep();
}

bool PageCache::has_transfer_in(std::uint64_t first, std::uint64_t last) {
    for (PageFill& fill : fills_) {
        if (fill.overlaps(first, last)) return true;
    }
    for (PageWriteBack& write_back : write_backs_) {
        if (write_back.overlaps(first, last)) return true;
    }
    for (DirectRead& read : direct_reads_) {
        if (read.overlaps(first, last)) return true;
    }
    return false;
}

void PageCache::wait_until_ready(std::uint64_t index) {
    thread::wait_uninterruptibly(changes_, [&] {
        Guard guard(lock_);
        CachedPage page(pages_.find(index));
        return !page.is_there() || page.is_ready();
    });
}

Result<abi::GuestPhys> PageCache::take_page(std::uint64_t index, std::uint64_t state) {
    for (;;) {
        Guard guard(lock_);
        CachedPage page(pages_.find(index));
        if (page.is_ready()) {
            CachedPage changed = page.with(state & ~page_state::dirty);
            if (changed.slot() != page.slot()) pages_.replace(index, changed.slot());
            if ((state & page_state::dirty) != 0) set_dirty(index, changed);
            memory::retain_frames(page.frame());
            bool reads_on = read_ahead_.is_due(index);
            ReadAhead::Range ahead = reads_on ? read_ahead_.take_next() : ReadAhead::Range{0, 0};
            guard.unlock();
            if (reads_on) start_reading(ahead.first, ahead.pages);
            return page.frame();
        }
        if (page.is_there()) {
            guard.unlock();
            wait_until_ready(index);
            continue;
        }
        bool for_write = (state & page_state::dirty) != 0;
        std::uint64_t pages = for_write ? 1 : read_ahead_.on_miss(index, 1);
        guard.unlock();
        HUSK_TRY(load(index, pages));
    }
}

Result<abi::GuestPhys> PageCache::page_for_mapping(std::uint64_t index, bool for_write) {
    if (!for_write) return page_for_read(index);
    std::uint64_t begin = index * page_size;
    for (;;) {
        std::uint64_t barriers = wait_for_barrier(index);
        std::uint64_t size = abi::align_up(map_.size_bytes(), map_.block_bytes());
        if (begin >= size) return Errno::enxio;
        HUSK_TRY(map_.reserve(begin, std::min(page_size, size - begin)));
        abi::GuestPhys frame = HUSK_TRY(take_page(index, page_state::used | page_state::dirty | page_state::mapped));
        if (barrier_count() == barriers) return frame;
        // The blocks that made a promise needless may have been freed since.
        memory::release_frames(frame, 0);
    }
}

// Reads from `index` on and waits for it. Without an error the page may still be missing: it was dropped already.
Result<> PageCache::load(std::uint64_t index, std::uint64_t pages) {
    std::uint64_t file_pages = (map_.size_bytes() + page_size - 1) / page_size;
    pages = index < file_pages ? std::min(pages, file_pages - index) : 1;
    for (;;) {
        wait_for_barrier(index);
        std::unique_ptr<PageFill> fill(HUSK_TRY(PageFill::create(*this, index, pages)));
        if (!fill) return {};
        std::uint64_t tried = fill->pages();
        fill->start(false);
        auto read = fill->wait();
        // The error may have been a page's that nobody asked for.
        if (read.ok() || tried == 1) return read;
        pages = 1;
    }
}

// Asks for what is missing of these pages and does not wait.
void PageCache::start_reading(std::uint64_t first, std::uint64_t pages) {
    std::uint64_t file_pages = (map_.size_bytes() + page_size - 1) / page_size;
    std::uint64_t end = std::min(first + pages, file_pages);
    while (first < end) {
        auto made = PageFill::create(*this, first, end - first);
        if (!made.ok()) return;
        PageFill* fill = made.value();
        std::uint64_t taken = fill != nullptr ? fill->pages() : 1;
        if (fill != nullptr) fill->start(true);
        first += taken;
    }
}

void PageCache::about_to_read(std::uint64_t begin, std::uint64_t end) {
    constexpr std::uint64_t most_pages = 4 * ReadAhead::max_pages;
    if (begin >= end) return;
    std::uint64_t first = begin / page_size;
    std::uint64_t pages = std::min((end - 1) / page_size + 1 - first, most_pages);
    if (pages == 1) return;
    {
        Guard guard(lock_);
        std::uint64_t stop = first + pages;
        while (first < stop && CachedPage(pages_.find(first)).is_there()) ++first;
        if (first == stop) return;
        pages = std::max(stop - first, read_ahead_.on_miss(first, stop - first));
    }
    start_reading(first, pages);
}

bool PageCache::is_resident(std::uint64_t index) {
    Guard guard(lock_);
    return CachedPage(pages_.find(index)).is_there();
}

Result<> PageCache::put_page(std::uint64_t index, abi::GuestPhys frame) {
    for (;;) {
        Guard guard(lock_);
        CachedPage page(pages_.find(index));
        if (page.is_there() && !page.is_ready()) {
            guard.unlock();
            wait_until_ready(index);
            continue;
        }
        if (!page.is_there()) {
            page = CachedPage(frame).with(page_state::used);
            HUSK_TRY(pages_.insert(index, page.slot()));
            page_caches().pages.fetch_add(1, std::memory_order_relaxed);
            set_dirty(index, page);
            return {};
        }
        std::memcpy(memory::frame_pointer<>(page.frame()), memory::frame_pointer<const void>(frame), page_size);
        set_dirty(index, page);
        guard.unlock();
        memory::release_frames(frame, 0);
        return {};
    }
}

void PageCache::on_written(std::uint64_t begin, std::uint64_t end) {
    Guard guard(lock_);
    for (std::uint64_t at = begin; at < end; at = abi::align_down(at, page_size) + page_size) {
        CachedPage page(pages_.find(at / page_size));
        if (page.is_ready()) set_dirty(at / page_size, page);
    }
}

// At most `most_pages`; returns how many. Errors are noted.
std::uint64_t PageCache::write_pages(std::uint64_t first, std::uint64_t last, std::uint64_t most_pages) {
    std::uint64_t written = 0;
    std::optional<std::uint64_t> rest = first;
    while (rest && written < most_pages) {
        std::unique_ptr<PageWriteBack> batch(new (std::nothrow) PageWriteBack(*this));
        if (!batch) {
            Guard guard(lock_);
            error_ = Errno::enomem;
            return written;
        }
        std::uint64_t from = *rest;
        rest = batch->collect(from, last, most_pages - written);
        written += batch->pages();
        if (batch->pages() != 0) {
            batch->run();
        } else if (rest) {
            thread::wait_uninterruptibly(changes_, [&] {
                Guard guard(lock_);
                return !CachedPage(pages_.find(*rest)).has(page_state::writing) && !is_barred(*rest);
            });
        }
    }
    update_keep();
    return written;
}

Result<> PageCache::write_back(std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return {};
    std::uint64_t first = begin / page_size, last = (end - 1) / page_size;
    write_pages(first, last, UINT64_MAX);
    thread::wait_uninterruptibly(changes_, [&] {
        Guard guard(lock_);
        for (PageWriteBack& other : write_backs_) {
            if (other.overlaps(first, last)) return false;
        }
        return true;
    });
    Guard guard(lock_);
    std::optional<Errno> error = error_;
    error_.reset();
    return error ? Result<>(*error) : Result<>();
}

bool PageCache::write_some(std::uint64_t most_pages) { return write_pages(0, UINT64_MAX, most_pages) != 0; }

bool PageCache::drop_clean(std::uint64_t begin, std::uint64_t end) {
    if (begin >= end) return true;
    bool all_gone = true;
    Guard guard(lock_);
    std::uint64_t last = (end - 1) / page_size;
    for (auto index = pages_.next_page(begin / page_size); index && *index <= last;
         index = pages_.next_page(*index + 1)) {
        CachedPage page(pages_.find(*index));
        bool is_busy = page.has(page_state::filling | page_state::writing | page_state::dirty);
        if (!is_busy && page.is_unshared()) {
            remove_pages(*index, *index);
        } else {
            all_gone = false;
        }
    }
    return all_gone;
}

// With lock_ held: clean pages that have not been used since the last visit go. One round at most.
std::uint64_t PageCache::evict(std::uint64_t pages) {
    std::uint64_t gone = 0;
    for (std::uint64_t looked_at = pages_.page_count(); looked_at != 0 && gone < pages; --looked_at) {
        auto index = pages_.next_page(hand_);
        if (!index) index = pages_.next_page(0);
        if (!index) break;
        hand_ = *index + 1;
        CachedPage page(pages_.find(*index));
        if (page.has(page_state::filling | page_state::writing | page_state::dirty)) continue;
        if (page.has(page_state::used)) {
            pages_.replace(*index, page.without(page_state::used).slot());
        } else if (page.is_unshared()) {
            remove_pages(*index, *index);
            ++gone;
        }
    }
    return gone;
}

std::uint64_t PageCache::page_count() {
    Guard guard(lock_);
    return pages_.page_count();
}

bool PageCache::is_dirty() {
    Guard guard(lock_);
    return pages_.marked_count() != 0;
}

}  // namespace husk::fs
