// SPDX-License-Identifier: Apache-2.0
// Dirty pages of a page cache on their way to the disk.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "guest-runtime/fs/page_cache.hpp"

namespace husk::fs {

class PageWriteBack : public ListNode<> {
public:
    static constexpr std::size_t max_pages = 256;

    explicit PageWriteBack(PageCache& cache) : cache_(cache) {}

    // Takes dirty pages of [first, last], which are clean from now on, up to `most` of them or the first that is being
    // written already or lies behind a barrier. Returns where to go on; nothing: no dirty page is left behind the taken
    // ones.
    std::optional<std::uint64_t> collect(std::uint64_t first, std::uint64_t last, std::size_t most);
    [[nodiscard]] std::size_t pages() const { return count_; }
    // Writes what was collected and waits for it. The first error is noted in the cache.
    void run();

    [[nodiscard]] bool overlaps(std::uint64_t first, std::uint64_t last) const {
        return count_ != 0 && indices_[0] <= last && first <= indices_[count_ - 1];
    }

private:
    static constexpr std::size_t max_requests = 64;

    struct Request final : block::BlockRequest {
        PageWriteBack* owner = nullptr;
        std::uint64_t file_offset = 0;
        void on_done() override { owner->on_answer(error); }
    };

    Result<> write_pages(std::size_t begin, std::size_t end);
    void add_request(std::uint64_t at, const BlockRun& run, std::size_t first_page);
    Result<> submit_and_wait();
    void on_answer(std::optional<Errno> error);
    void finish(const Result<>& result);

    PageCache& cache_;
    std::size_t count_ = 0;
    std::array<std::uint64_t, max_pages> indices_;
    std::array<abi::GuestPhys, max_pages> frames_;
    std::array<bool, max_pages> stays_dirty_;
    std::size_t request_count_ = 0;
    std::size_t piece_count_ = 0;
    std::uint32_t unanswered_ = 0;       // guarded by the cache's lock
    std::optional<Errno> answer_error_;  // as well
    List<block::BlockRequest> ready_;
    std::array<Request, max_requests> requests_;
    std::array<block::Piece, max_pages + max_requests> pieces_;
};

}  // namespace husk::fs
