// SPDX-License-Identifier: Apache-2.0
// Requests to a disk that the calling thread waits for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "guest-runtime/base/result.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/fs/block/block_device.hpp"

namespace husk::thread {
class Thread;
}

namespace husk::block {

// A request whose owner sleeps until it is answered; signals do not end the sleep.
class AwaitedRequest final : public BlockRequest {
public:
    void on_done() override;
    // After submit(), by the thread that made this object.
    Result<> wait();
    AwaitedRequest();

private:
    bool is_done();

    Spinlock lock_;
    bool done_ = false;
    thread::Thread& owner_;
};

Result<> transfer(BlockDevice& device, Operation operation, std::uint64_t offset, std::span<const Piece> pieces);
// `memory` lies on the runtime's heap or in a frame, not on a stack. Sizes as in BlockRequest.
Result<> read(BlockDevice& device, std::uint64_t offset, std::span<std::byte> memory);
Result<> write(BlockDevice& device, std::uint64_t offset, std::span<const std::byte> memory);
Result<> flush(BlockDevice& device);
// Of any size; in as many requests as the device wants.
Result<> discard(BlockDevice& device, std::uint64_t offset, std::uint64_t size_bytes);
Result<> write_zeroes(BlockDevice& device, std::uint64_t offset, std::uint64_t size_bytes);

}  // namespace husk::block
