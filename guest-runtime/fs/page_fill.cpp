// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/page_fill.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "guest-runtime/fs/page_cache_list.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::fs {

using abi::page_size;

Result<PageFill*> PageFill::create(PageCache& cache, std::uint64_t first, std::uint64_t pages) {
    auto* fill = new (std::nothrow) PageFill(cache, first);
    if (fill == nullptr) return Errno::enomem;
    bool has_memory = true;
    pages = std::min<std::uint64_t>(pages, max_pages);
    while (fill->count_ < pages) {
        auto frame = memory::allocate_frames(0, memory::Contents::any);
        if (!frame.ok()) {
            has_memory = false;
            break;
        }
        Guard guard(cache.lock_);
        std::uint64_t index = first + fill->count_;
        bool is_new = !cache.is_barred(index) && !CachedPage(cache.pages_.find(index)).is_there();
        bool is_in = is_new && cache.pages_.insert(index, {frame.value().value | page_state::filling}).ok();
        if (!is_in) {
            guard.unlock();
            memory::release_frames(frame.value(), 0);
            has_memory = !is_new;
            break;
        }
        fill->frames_[fill->count_++] = frame.value();
        if (fill->count_ == 1) cache.fills_.push_back(*fill);
    }
    if (fill->count_ != 0) {
        page_caches().pages.fetch_add(fill->count_, std::memory_order_relaxed);
        return fill;
    }
    delete fill;
    return has_memory ? Result<PageFill*>(nullptr) : Errno::enomem;
}

void PageFill::zero(std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
        std::uint64_t piece = std::min(end - begin, page_size - begin % page_size);
        abi::GuestPhys frame = frames_[begin / page_size - first_];
        std::memset(memory::frame_pointer<std::byte>(frame) + begin % page_size, 0, piece);
        begin += piece;
    }
}

// The pages from `page` on are not read after all.
void PageFill::give_up_from(std::uint64_t page) {
    std::size_t kept = page - first_;
    Guard guard(cache_.lock_);
    cache_.remove_pages(page, first_ + count_ - 1);
    count_ = kept;
    cache_.changes_.wake_all();
}

void PageFill::add_request(std::uint64_t at, const BlockRun& run) {
    Request& request = requests_[request_count_++];
    std::size_t first_piece = piece_count_;
    for (std::uint64_t done = 0; done < run.size_bytes;) {
        std::uint64_t offset = (at + done) % page_size;
        std::uint64_t piece = std::min(run.size_bytes - done, page_size - offset);
        abi::GuestPhys begin = frames_[(at + done) / page_size - first_] + offset;
        done += piece;
        block::Piece* last = piece_count_ > first_piece ? &pieces_[piece_count_ - 1] : nullptr;
        if (last != nullptr && last->begin + last->size_bytes == begin) {
            last->size_bytes += piece;
        } else {
            pieces_[piece_count_++] = {begin, piece};
        }
    }
    request.fill = this;
    request.offset = *run.device_offset;
    request.size_bytes = run.size_bytes;
    request.pieces = {&pieces_[first_piece], piece_count_ - first_piece};
}

Result<> PageFill::find_blocks(List<block::BlockRequest>& requests) {
    BlockMap& map = cache_.map();
    std::uint64_t data_end = abi::align_up(map.size_bytes(), map.block_bytes());
    std::uint64_t at = first_ * page_size;
    for (;;) {
        std::uint64_t end = (first_ + count_) * page_size;
        std::uint64_t free_requests = max_requests - request_count_;
        if (at % page_size == 0 && at < end && at != first_ * page_size && free_requests < most_blocks_per_page) {
            give_up_from(at / page_size);
            return {};
        }
        if (at >= data_end) zero(at, end);
        std::uint64_t stop = std::min(end, data_end);
        if (at >= stop) return {};
        // A run may lead into a further page only if that page can be read whole.
        if (free_requests < 2 * most_blocks_per_page) stop = std::min(stop, abi::align_down(at, page_size) + page_size);
        BlockRun run = HUSK_TRY(map.find(at, stop - at));
        run.size_bytes = std::min(run.size_bytes, stop - at);
        if (run.device_offset) {
            add_request(at, run);
            requests.push_back(requests_[request_count_ - 1]);
        } else {
            zero(at, at + run.size_bytes);
        }
        at += run.size_bytes;
    }
}

void PageFill::start(bool detached) {
    is_detached_ = detached;
    List<block::BlockRequest> requests;
    auto found = find_blocks(requests);
    if (!found.ok()) {
        on_answer(found.error());
        return;
    }
    pending_.fetch_add(static_cast<std::uint32_t>(request_count_), std::memory_order_relaxed);
    if (request_count_ != 0) cache_.map().device().submit(requests);
    on_answer({});
}

void PageFill::on_answer(std::optional<Errno> error) {
    if (error) error_.store(static_cast<int>(*error), std::memory_order_relaxed);
    // Whoever is last sees what the others stored.
    if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) finish();
}

void PageFill::finish() {
    bool failed = error_.load(std::memory_order_relaxed) != 0;
    bool detached = is_detached_;
    {
        // Once the lock is free, the cache and (when not detached) this object may be gone.
        Guard guard(cache_.lock_);
        if (failed && count_ != 0) cache_.remove_pages(first_, first_ + count_ - 1);
        for (std::size_t i = 0; !failed && i < count_; ++i) cache_.pages_.replace(first_ + i, frames_[i]);
        unlink();
        is_done_ = true;
        cache_.changes_.wake_all();
    }
    if (detached) delete this;
}

Result<> PageFill::wait() {
    thread::wait_uninterruptibly(cache_.changes_, [this] {
        Guard guard(cache_.lock_);
        return is_done_;
    });
    int error = error_.load(std::memory_order_relaxed);
    return error != 0 ? Result<>(static_cast<Errno>(error)) : Result<>();
}

}  // namespace husk::fs
