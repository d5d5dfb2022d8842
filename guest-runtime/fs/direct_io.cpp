// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/direct_io.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include "guest-runtime/fs/block/blocking.hpp"
#include "guest-runtime/fs/page_barrier.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/memory/user_pages.hpp"

namespace husk::fs {

namespace {

using block::Operation;
using block::Piece;

// One step: as much of the application's memory as can be held at once, and the requests for it.
class DirectStep {
public:
    DirectStep(PageCache& cache, Operation operation) : cache_(cache), map_(cache.map()), operation_(operation) {}

    // Moves bytes from `offset` on, a part of `size_bytes`; returns how many.
    Result<std::uint64_t> run(IoBuffer buffer, std::uint64_t offset, std::uint64_t size_bytes) {
        std::uint64_t held = HUSK_TRY(hold(buffer, size_bytes));
        std::optional<DirectRead> reading;
        if (operation_ == Operation::read) reading.emplace(cache_, offset, offset + held);
        std::uint64_t sent = 0;
        Result<> result;
        while (sent < held && request_count_ < requests_.size()) {
            auto run = find(offset + sent, held - sent);
            if (!run.ok()) {
                result = run.error();
                break;
            }
            send(run.value());
            sent += run.value().size_bytes;
        }
        for (std::size_t i = 0; i < request_count_; ++i) {
            auto answer = requests_[i]->wait();
            if (!answer.ok() && result.ok()) result = answer.error();
        }
        if (!result.ok()) return result.error();
        if (operation_ == Operation::write) HUSK_TRY(map_.on_written_back(offset, sent));
        return sent;
    }

private:
    static constexpr std::size_t max_requests = 8;

    // Whole blocks.
    Result<std::uint64_t> hold(IoBuffer& buffer, std::uint64_t size_bytes) {
        std::uint64_t held = 0;
        while (held < size_bytes) {
            UserSegment piece = buffer.front();
            piece.size_bytes = std::min(piece.size_bytes, size_bytes - held);
            auto added = pages_.add(piece.address, piece.size_bytes, operation_ == Operation::read);
            if (!added.ok() && held == 0) return added.error();
            std::uint64_t size = added.ok() ? added.value() : 0;
            held += size;
            buffer.skip(size);
            if (size != piece.size_bytes) break;
        }
        held = abi::align_down(held, std::max(map_.block_bytes(), map_.device().logical_block_bytes()));
        return held != 0 ? Result<std::uint64_t>(held) : Errno::efault;
    }

    Result<BlockRun> find(std::uint64_t offset, std::uint64_t size_bytes) {
        BlockRun run =
            HUSK_TRY(operation_ == Operation::read ? map_.find(offset, size_bytes) : map_.place(offset, size_bytes));
        run.size_bytes = std::min(run.size_bytes, size_bytes);
        if (operation_ == Operation::write && !run.device_offset) return Errno::eio;
        return run;
    }

    // The next bytes of the held memory, as pieces of one request; a hole is zeroed.
    void send(const BlockRun& run) {
        std::size_t first = piece_count_;
        for (std::uint64_t left = run.size_bytes; left != 0;) {
            const memory::HeldPages::Part& part = pages_.parts()[part_];
            std::uint64_t size = std::min(part.size_bytes - part_done_, left);
            add_piece(first, part.begin + part_done_, size);
            left -= size;
            part_done_ += size;
            if (part_done_ == part.size_bytes) {
                ++part_;
                part_done_ = 0;
            }
        }
        std::span<const Piece> pieces(&pieces_[first], piece_count_ - first);
        if (!run.device_offset) {
            for (const Piece& piece : pieces) {
                std::memset(memory::frame_pointer<void>(piece.begin), 0, piece.size_bytes);
            }
            return;
        }
        block::AwaitedRequest& request = requests_[request_count_++].emplace();
        request.operation = operation_;
        request.offset = *run.device_offset;
        request.size_bytes = run.size_bytes;
        request.pieces = pieces;
        map_.device().submit(request);
    }

    void add_piece(std::size_t first, abi::GuestPhys begin, std::uint64_t size) {
        if (piece_count_ > first && pieces_[piece_count_ - 1].begin + pieces_[piece_count_ - 1].size_bytes == begin) {
            pieces_[piece_count_ - 1].size_bytes += size;
        } else {
            pieces_[piece_count_++] = {begin, size};
        }
    }

    PageCache& cache_;
    BlockMap& map_;
    Operation operation_;
    memory::HeldPages pages_;
    std::size_t part_ = 0;
    std::uint64_t part_done_ = 0;
    std::size_t piece_count_ = 0;
    std::size_t request_count_ = 0;
    // A run may begin inside a part.
    std::array<Piece, memory::HeldPages::max_parts + 2 * max_requests> pieces_;
    std::array<std::optional<block::AwaitedRequest>, max_requests> requests_;
};

Result<> check_alignment(PageCache& cache, const IoBuffer& buffer, std::uint64_t offset) {
    std::uint64_t block = std::max(cache.map().device().logical_block_bytes(), cache.map().block_bytes());
    bool is_aligned = offset % block == 0 && buffer.is_aligned(cache.map().device().logical_block_bytes()) &&
                      buffer.remaining() % block == 0;
    return is_aligned ? Result<>() : Errno::einval;
}

// Both sides see the same from here on, unless somebody else changes the cache meanwhile. true: no page is left.
Result<bool> flush_cache(PageCache& cache, std::uint64_t begin, std::uint64_t end) {
    if (cache.page_count() == 0) return true;
    HUSK_TRY(cache.write_back(begin, end));
    return cache.drop_clean(begin, end);
}

Result<std::size_t> transfer(PageCache& cache, IoBuffer& buffer, std::uint64_t offset, std::uint64_t size_bytes,
                             Operation operation) {
    std::size_t done = 0;
    while (done < size_bytes) {
        std::unique_ptr<DirectStep> step(new (std::nothrow) DirectStep(cache, operation));
        auto moved = step ? step->run(buffer, offset + done, size_bytes - done) : Errno::enomem;
        if (!moved.ok()) return done != 0 ? Result<std::size_t>(done) : moved.error();
        buffer.skip(moved.value());
        done += moved.value();
    }
    return done;
}

}  // namespace

Result<std::size_t> read_directly(PageCache& cache, IoBuffer& to, std::uint64_t offset, std::uint64_t file_bytes) {
    HUSK_TRY(check_alignment(cache, to, offset));
    if (offset >= file_bytes || to.remaining() == 0) return 0;
    std::uint64_t block = std::max(cache.map().device().logical_block_bytes(), cache.map().block_bytes());
    std::uint64_t whole = std::min<std::uint64_t>(to.remaining(), abi::align_up(file_bytes, block) - offset);
    HUSK_TRY(flush_cache(cache, offset, offset + whole));
    std::size_t done = HUSK_TRY(transfer(cache, to, offset, whole, Operation::read));
    return std::min<std::uint64_t>(done, file_bytes - offset);
}

Result<bool> prepare_direct_write(PageCache& cache, const IoBuffer& from, std::uint64_t offset) {
    HUSK_TRY(check_alignment(cache, from, offset));
    return flush_cache(cache, offset, offset + from.remaining());
}

Result<std::size_t> write_directly(PageCache& cache, IoBuffer& from, std::uint64_t offset) {
    return transfer(cache, from, offset, from.remaining(), Operation::write);
}

Result<> finish_direct_write(PageCache& cache, IoBuffer from, std::uint64_t offset) {
    if (cache.drop_clean(offset, offset + from.remaining())) return {};
    while (from.remaining() != 0) {
        std::uint64_t in_page = offset % abi::page_size;
        auto piece = std::min<std::size_t>(from.remaining(), abi::page_size - in_page);
        std::uint64_t index = offset / abi::page_size;
        offset += piece;
        if (!cache.is_resident(index)) {
            from.skip(piece);
            continue;
        }
        // Waits for a page that is being read. It stays clean: the disk has these bytes.
        abi::GuestPhys frame = HUSK_TRY(cache.page_for_read(index));
        auto taken = from.take(memory::frame_pointer<std::byte>(frame) + in_page, piece);
        memory::release_frames(frame, 0);
        HUSK_TRY(taken);
    }
    return {};
}

}  // namespace husk::fs
