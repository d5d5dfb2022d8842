// SPDX-License-Identifier: Apache-2.0
// A device's metadata blocks in memory, found by number, read on demand; clean ones leave, oldest use first, under a
// bound.
//
//   BufferRef buffer = HUSK_TRY(cache.get(block));       // sleeps for a read
//   HUSK_TRY(handle.modify(*buffer));                    // now its bytes may be changed, see buffer.hpp
#pragma once

#include "guest-runtime/base/ref_ptr.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/fs/block/buffer.hpp"
#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::block {

class BlockDevice;

class BufferCache final : public RefCounted {
public:
    // `block_bytes`: 1024, 2048 or 4096. Buffers in use may exceed the bound `max_buffers`. ENOMEM.
    static Result<RefPtr<BufferCache>> create(BlockDevice& device, std::uint32_t block_bytes, std::size_t max_buffers);
    ~BufferCache() override;

    [[nodiscard]] BlockDevice& device() const { return device_; }
    [[nodiscard]] std::uint32_t block_bytes() const { return block_bytes_; }
    [[nodiscard]] std::uint64_t block_count() const { return block_count_; }

    // The block with its bytes. EIO when the device cannot read it or has no such block, ENOMEM.
    Result<BufferRef> get(std::uint64_t block);
    // The block without reading it, for one that will be written as a whole: all zero and not verified, whatever the
    // device holds.
    Result<BufferRef> fresh(std::uint64_t block);
    // Writes the bytes to the device at once, outside any transaction; durable after the device's next flush.
    Result<> write(Buffer& buffer);
    // Drops every buffer that nobody uses: the device was written behind the cache's back.
    void drop_unused();

private:
    friend class journal::Journal;

    BufferCache(BlockDevice& device, std::uint32_t block_bytes, std::size_t max_buffers);

    // The buffer of that number, made when there is none, as the most recently used.
    Result<BufferRef> find_or_make(std::uint64_t block);
    // Null when it is not in memory.
    BufferRef try_find(std::uint64_t block);
    Buffer* find(std::uint64_t block);
    Buffer*& bucket(std::uint64_t block);
    void unhash(Buffer& buffer);
    void make_room();
    // From now on get() of that block finds another buffer; this one goes with its last user.
    void forget(Buffer& buffer);
    Result<Buffer*> make(std::uint64_t block);
    void destroy(Buffer& buffer);
    Result<> read(Buffer& buffer);
    void wait_for_read(Buffer& buffer);

    BlockDevice& device_;
    std::uint32_t block_bytes_;
    std::uint64_t block_count_;
    std::size_t max_buffers_;

    Spinlock lock_;
    fs::HeapArray<Buffer*> buckets_;  // a power of two
    List<Buffer> by_use_;             // longest unused first
    std::size_t count_ = 0;
    thread::WaitQueue reads_;  // woken whenever a read ends
};

}  // namespace husk::block
