// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/block/blocking.hpp"

#include <algorithm>

#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/clock.hpp"
#include "guest-runtime/thread/park.hpp"

namespace husk::block {

AwaitedRequest::AwaitedRequest() : owner_(thread::current()) {}

// The lock keeps the owner from going on, and this object and the thread from going away, before unpark() is over.
void AwaitedRequest::on_done() {
    Guard guard(lock_);
    done_ = true;
    thread::unpark(owner_);
}

bool AwaitedRequest::is_done() {
    Guard guard(lock_);
    return done_;
}

Result<> AwaitedRequest::wait() {
    while (!is_done()) {
        thread::prepare_to_park();
        if (is_done()) {
            thread::cancel_park();
            break;
        }
        thread::park_uninterruptible(thread::Deadline::never());
    }
    return error ? *error : Result<>();
}

Result<> transfer(BlockDevice& device, Operation operation, std::uint64_t offset, std::span<const Piece> pieces) {
    AwaitedRequest request;
    request.operation = operation;
    request.offset = offset;
    request.pieces = pieces;
    for (const Piece& piece : pieces) request.size_bytes += piece.size_bytes;
    device.submit(request);
    return request.wait();
}

Result<> read(BlockDevice& device, std::uint64_t offset, std::span<std::byte> memory) {
    Piece piece{memory::gpa_of(memory.data()), memory.size()};
    return transfer(device, Operation::read, offset, {&piece, 1});
}

Result<> write(BlockDevice& device, std::uint64_t offset, std::span<const std::byte> memory) {
    Piece piece{memory::gpa_of(memory.data()), memory.size()};
    return transfer(device, Operation::write, offset, {&piece, 1});
}

Result<> flush(BlockDevice& device) { return transfer(device, Operation::flush, 0, {}); }

namespace {

Result<> in_steps(BlockDevice& device, Operation operation, std::uint64_t offset, std::uint64_t size_bytes,
                  std::uint64_t most) {
    if (most == 0) return Errno::eopnotsupp;
    while (size_bytes != 0) {
        AwaitedRequest request;
        request.operation = operation;
        request.offset = offset;
        request.size_bytes = std::min(size_bytes, most);
        device.submit(request);
        HUSK_TRY(request.wait());
        offset += request.size_bytes;
        size_bytes -= request.size_bytes;
    }
    return {};
}

}  // namespace

Result<> discard(BlockDevice& device, std::uint64_t offset, std::uint64_t size_bytes) {
    return in_steps(device, Operation::discard, offset, size_bytes, device.max_discard_bytes());
}

Result<> write_zeroes(BlockDevice& device, std::uint64_t offset, std::uint64_t size_bytes) {
    return in_steps(device, Operation::write_zeroes, offset, size_bytes, device.max_write_zeroes_bytes());
}

}  // namespace husk::block
