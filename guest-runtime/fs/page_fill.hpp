// SPDX-License-Identifier: Apache-2.0
// Pages of a page cache that are being read from the disk.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "guest-runtime/fs/page_cache.hpp"

namespace husk::fs {

class PageFill : public ListNode<> {
public:
    // Puts frames that are `filling` into the cache, from `first` on until `pages` or the first page that is there
    // already. Null when that is `first` itself. ENOMEM.
    static Result<PageFill*> create(PageCache& cache, std::uint64_t first, std::uint64_t pages);

    // Finds the blocks and asks for them; may sleep. With `detached` the object then looks after itself; otherwise the
    // caller waits and destroys it.
    void start(bool detached);
    Result<> wait();

    [[nodiscard]] std::uint64_t pages() const { return count_; }
    [[nodiscard]] bool overlaps(std::uint64_t first, std::uint64_t last) const {
        return first_ <= last && first < first_ + count_;
    }

private:
    static constexpr std::size_t max_pages = ReadAhead::max_pages, max_requests = 32;
    static constexpr std::size_t most_blocks_per_page = 8;

    struct Request final : block::BlockRequest {
        PageFill* fill = nullptr;
        void on_done() override { fill->on_answer(error); }
    };

    PageFill(PageCache& cache, std::uint64_t first) : cache_(cache), first_(first) {}
    Result<> find_blocks(List<block::BlockRequest>& requests);
    void add_request(std::uint64_t at, const BlockRun& run);
    void zero(std::uint64_t begin, std::uint64_t end);
    void give_up_from(std::uint64_t page);
    void on_answer(std::optional<Errno> error);
    void finish();

    PageCache& cache_;
    std::uint64_t first_;
    std::size_t count_ = 0;
    std::size_t request_count_ = 0;
    std::size_t piece_count_ = 0;
    bool is_detached_ = false;
    bool is_done_ = false;  // guarded by the cache's lock
    std::atomic<int> error_ = 0;
    std::atomic<std::uint32_t> pending_ = 1;  // requests, and start() itself
    std::array<abi::GuestPhys, max_pages> frames_;
    std::array<Request, max_requests> requests_;
    std::array<block::Piece, max_pages + max_requests> pieces_;
};

}  // namespace husk::fs
