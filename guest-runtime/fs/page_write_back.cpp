// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/page_write_back.hpp"

#include <algorithm>
#include <cstring>

#include "guest-runtime/fs/page_cache_list.hpp"
#include "guest-runtime/memory/frames.hpp"

namespace husk::fs {

using abi::page_size;

std::optional<std::uint64_t> PageWriteBack::collect(std::uint64_t first, std::uint64_t last, std::size_t most) {
    most = std::min(most, max_pages);
    Guard guard(cache_.lock_);
    for (;;) {
        auto index = cache_.pages_.next_marked(first);
        if (!index || *index > last) return {};
        CachedPage page(cache_.pages_.find(*index));
        // The older contents must reach the disk first, and blocks that are being freed nothing at all.
        if (count_ == most || page.has(page_state::writing) || cache_.is_barred(*index)) return *index;
        bool may_change = page.has(page_state::mapped) && !page.is_unshared();
        cache_.pages_.unmark(*index);
        page = page.without(page_state::dirty | (may_change ? 0 : page_state::mapped)).with(page_state::writing);
        cache_.pages_.replace(*index, page.slot());
        indices_[count_] = *index;
        frames_[count_] = page.frame();
        stays_dirty_[count_] = may_change;
        if (count_++ == 0) cache_.write_backs_.push_back(*this);
        page_caches().dirty_pages.fetch_sub(1, std::memory_order_relaxed);
        if (*index == UINT64_MAX) return {};
        first = *index + 1;
    }
}

void PageWriteBack::run() {
    Result<> result;
    for (std::size_t begin = 0; begin < count_;) {
        std::size_t end = begin + 1;
        while (end < count_ && indices_[end] == indices_[end - 1] + 1) ++end;
        auto written = write_pages(begin, end);
        if (!written.ok() && result.ok()) result = written.error();
        begin = end;
    }
    auto written = submit_and_wait();
    if (!written.ok() && result.ok()) result = written.error();
    finish(result);
}

// Pages [begin, end) of the collected ones, which follow each other in the file.
Result<> PageWriteBack::write_pages(std::size_t begin, std::size_t end) {
    BlockMap& map = cache_.map();
    std::uint64_t size = map.size_bytes();
    std::uint64_t at = indices_[begin] * page_size;
    std::uint64_t stop = std::min((indices_[end - 1] + 1) * page_size, abi::align_up(size, map.block_bytes()));
    // What a mapping has stored behind the end of the file must not show when the file grows.
    if (size > at && size < stop) {
        auto* last = memory::frame_pointer<std::byte>(frames_[begin + (size / page_size - indices_[begin])]);
        std::memset(last + size % page_size, 0, page_size - size % page_size);
    }
    std::uint64_t first_at = at;
    while (at < stop) {
        BlockRun run = HUSK_TRY(map.place(at, stop - at));
        run.size_bytes = std::min(run.size_bytes, stop - at);
        if (run.device_offset) {
            if (request_count_ == max_requests) HUSK_TRY(submit_and_wait());
            add_request(at, run, begin + (at / page_size - first_at / page_size));
        }
        at += run.size_bytes;
    }
    return {};
}

void PageWriteBack::add_request(std::uint64_t at, const BlockRun& run, std::size_t first_page) {
    Request& request = requests_[request_count_++];
    std::size_t first_piece = piece_count_;
    std::size_t page = first_page;
    for (std::uint64_t done = 0; done < run.size_bytes; ++page) {
        std::uint64_t offset = (at + done) % page_size;
        std::uint64_t piece = std::min(run.size_bytes - done, page_size - offset);
        abi::GuestPhys begin = frames_[page] + offset;
        done += piece;
        block::Piece* last = piece_count_ > first_piece ? &pieces_[piece_count_ - 1] : nullptr;
        if (last != nullptr && last->begin + last->size_bytes == begin) {
            last->size_bytes += piece;
        } else {
            pieces_[piece_count_++] = {begin, piece};
        }
    }
    request.owner = this;
    request.operation = block::Operation::write;
    request.file_offset = at;
    request.offset = *run.device_offset;
    request.size_bytes = run.size_bytes;
    request.pieces = {&pieces_[first_piece], piece_count_ - first_piece};
    request.error.reset();
    ready_.push_back(request);
}

Result<> PageWriteBack::submit_and_wait() {
    if (request_count_ == 0) return {};
    {
        Guard guard(cache_.lock_);
        unanswered_ = static_cast<std::uint32_t>(request_count_);
        answer_error_.reset();
    }
    cache_.map().device().submit(ready_);
    thread::wait_uninterruptibly(cache_.changes_, [this] {
        Guard guard(cache_.lock_);
        return unanswered_ == 0;
    });
    Result<> result = answer_error_ ? Result<>(*answer_error_) : Result<>();
    for (std::size_t i = 0; i < request_count_; ++i) {
        if (requests_[i].error) continue;
        auto noted = cache_.map().on_written_back(requests_[i].file_offset, requests_[i].size_bytes);
        if (!noted.ok() && result.ok()) result = noted.error();
    }
    request_count_ = piece_count_ = 0;
    return result;
}

void PageWriteBack::on_answer(std::optional<Errno> error) {
    Guard guard(cache_.lock_);
    if (error) answer_error_ = error;
    if (--unanswered_ == 0) cache_.changes_.wake_all();
}

void PageWriteBack::finish(const Result<>& result) {
    Guard guard(cache_.lock_);
    // Whoever finds the pages clean finds the error too.
    if (!result.ok() && !cache_.error_) cache_.error_ = result.error();
    for (std::size_t i = 0; i < count_; ++i) {
        CachedPage page = CachedPage(cache_.pages_.find(indices_[i])).without(page_state::writing);
        cache_.pages_.replace(indices_[i], page.slot());
        if (stays_dirty_[i]) cache_.set_dirty(indices_[i], page);
    }
    unlink();
    cache_.changes_.wake_all();
}

}  // namespace husk::fs
