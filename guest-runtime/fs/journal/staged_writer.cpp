// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/journal/staged_writer.hpp"

#include <algorithm>
#include <new>

#include "guest-runtime/memory/frames.hpp"

namespace husk::journal {

Result<> StagedWriter::initialise(std::uint32_t blocks) {
    memory_ = HUSK_TRY(fs::HeapArray<std::byte>::create(std::size_t{blocks} * block_bytes_));
    runs_.reset(new (std::nothrow) Run[blocks]);
    if (runs_ == nullptr) return Errno::enomem;
    capacity_ = blocks;
    return {};
}

bool StagedWriter::has(std::uint64_t device_block) const {
    return std::any_of(runs_.get(), runs_.get() + run_count_, [&](const Run& run) {
        return device_block >= run.device_block && device_block - run.device_block < run.blocks;
    });
}

Result<> StagedWriter::make_room(std::uint32_t blocks) { return capacity_ - used_ < blocks ? finish() : Result<>(); }

Result<std::span<std::byte>> StagedWriter::next(std::uint64_t device_block) {
    // Requests in flight have no order: one block must not be in two of them.
    if (used_ == capacity_ || has(device_block)) HUSK_TRY(finish());
    Run* last = run_count_ != 0 ? &runs_[run_count_ - 1] : nullptr;
    if (last != nullptr && last->device_block + last->blocks == device_block) {
        ++last->blocks;
    } else {
        Run& run = runs_[run_count_++];
        run.device_block = device_block;
        run.first = used_;
        run.blocks = 1;
    }
    return memory_.span().subspan(std::size_t{used_++} * block_bytes_, block_bytes_);
}

void StagedWriter::drop_last() {
    --used_;
    if (--runs_[run_count_ - 1].blocks == 0) --run_count_;
}

void StagedWriter::submit() {
    List<block::BlockRequest> requests;
    for (std::uint32_t i = 0; i < run_count_; ++i) {
        Run& run = runs_[i];
        std::uint64_t size_bytes = std::uint64_t{run.blocks} * block_bytes_;
        run.piece = {memory::gpa_of(memory_.data() + std::size_t{run.first} * block_bytes_), size_bytes};
        block::AwaitedRequest& request = run.request.emplace();
        request.operation = block::Operation::write;
        request.offset = run.device_block * block_bytes_;
        request.size_bytes = size_bytes;
        request.pieces = {&run.piece, 1};
        requests.push_back(request);
    }
    device_.submit(requests);
    is_submitted_ = true;
}

Result<> StagedWriter::finish() {
    if (!is_submitted_) submit();
    std::optional<Errno> error;
    for (std::uint32_t i = 0; i < run_count_; ++i) {
        auto done = runs_[i].request->wait();
        if (!done.ok()) error = done.error();
        runs_[i].request.reset();
    }
    used_ = run_count_ = 0;
    is_submitted_ = false;
    return error ? Result<>(*error) : Result<>();
}

}  // namespace husk::journal
