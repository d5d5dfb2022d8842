// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/block/buffer_cache.hpp"

#include <algorithm>
#include <bit>
#include <new>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/fs/block/blocking.hpp"

namespace husk::block {

Result<RefPtr<BufferCache>> BufferCache::create(BlockDevice& device, std::uint32_t block_bytes,
                                                std::size_t max_buffers) {
    auto* made = new (std::nothrow) BufferCache(device, block_bytes, std::max<std::size_t>(max_buffers, 16));
    if (made == nullptr) return Errno::enomem;
    auto cache = RefPtr<BufferCache>::adopt(made);
    std::size_t buckets = std::bit_ceil(std::clamp<std::size_t>(max_buffers / 2, 16, 1 << 16));
    cache->buckets_ = HUSK_TRY(fs::HeapArray<Buffer*>::create(buckets));
    std::fill_n(cache->buckets_.data(), buckets, nullptr);
    return cache;
}

BufferCache::BufferCache(BlockDevice& device, std::uint32_t block_bytes, std::size_t max_buffers)
    : device_(device),
      block_bytes_(block_bytes),
      block_count_(device.size_bytes() / block_bytes),
      max_buffers_(max_buffers) {}

BufferCache::~BufferCache() {
    for (Buffer& buffer : by_use_) destroy(buffer);
}

Buffer*& BufferCache::bucket(std::uint64_t block) {
    auto mixed = static_cast<std::size_t>((block * 0x9e37'79b9'7f4a'7c15) >> 32);
    return buckets_[mixed & (buckets_.size() - 1)];
}

Buffer* BufferCache::find(std::uint64_t block) {
    Buffer* buffer = bucket(block);
    while (buffer != nullptr && buffer->block_ != block) buffer = buffer->next_in_bucket_;
    return buffer;
}

void BufferCache::unhash(Buffer& buffer) {
    if (!buffer.cached_) return;
    Buffer** link = &bucket(buffer.block_);
    while (*link != &buffer) link = &(*link)->next_in_bucket_;
    *link = buffer.next_in_bucket_;
    buffer.cached_ = false;
}

Result<Buffer*> BufferCache::make(std::uint64_t block) {
    auto* data = static_cast<std::byte*>(heap::allocate(block_bytes_));
    if (data == nullptr) return Errno::enomem;
    auto* buffer = new (std::nothrow) Buffer(block, data, block_bytes_);
    if (buffer == nullptr) {
        heap::release(data, block_bytes_);
        return Errno::enomem;
    }
    buffer->next_in_bucket_ = bucket(block);
    bucket(block) = buffer;
    by_use_.push_back(*buffer);
    ++count_;
    return buffer;
}

void BufferCache::destroy(Buffer& buffer) {
    unhash(buffer);
    static_cast<ListNode<>&>(buffer).unlink();
    --count_;
    heap::release(buffer.data_, block_bytes_);
    delete &buffer;
}

// With lock_ held. Looks at a few only: buffers in use go to the end, so that the next look finds others.
void BufferCache::make_room() {
    for (int looked_at = 0; looked_at < 32 && count_ >= max_buffers_; ++looked_at) {
        Buffer& oldest = *by_use_.front();
        // Pairs with the release of the last reference: what its owner did to the buffer is over.
        if (oldest.users_.load(std::memory_order_acquire) == 0) {
            destroy(oldest);
        } else {
            static_cast<ListNode<>&>(oldest).unlink();
            by_use_.push_back(oldest);
        }
    }
}

Result<BufferRef> BufferCache::find_or_make(std::uint64_t block) {
    if (block >= block_count_) return Errno::eio;
    Guard guard(lock_);
    if (Buffer* buffer = find(block)) {
        static_cast<ListNode<>&>(*buffer).unlink();
        by_use_.push_back(*buffer);
        return BufferRef(*buffer);
    }
    make_room();
    return BufferRef(*HUSK_TRY(make(block)));
}

BufferRef BufferCache::try_find(std::uint64_t block) {
    Guard guard(lock_);
    Buffer* buffer = find(block);
    return buffer != nullptr ? BufferRef(*buffer) : BufferRef();
}

// The caller has made it `reading`.
Result<> BufferCache::read(Buffer& buffer) {
    auto done = block::read(device_, buffer.block_ * block_bytes_, buffer.bytes());
    buffer.state_.store(done.ok() ? Buffer::State::valid : Buffer::State::empty, std::memory_order_release);
    reads_.wake_all();
    return done;
}

Result<BufferRef> BufferCache::get(std::uint64_t block) {
    BufferRef buffer = HUSK_TRY(find_or_make(block));
    for (;;) {
        Buffer::State state = buffer->state_.load(std::memory_order_acquire);
        if (state == Buffer::State::valid) return buffer;
        if (state == Buffer::State::empty &&
            buffer->state_.compare_exchange_strong(state, Buffer::State::reading, std::memory_order_acq_rel)) {
            HUSK_TRY(read(*buffer));
            return buffer;
        }
        wait_for_read(*buffer);
    }
}

Result<BufferRef> BufferCache::fresh(std::uint64_t block) {
    BufferRef buffer = HUSK_TRY(find_or_make(block));
    wait_for_read(*buffer);
    memset(buffer->data_, 0, block_bytes_);
    buffer->verified_.store(false, std::memory_order_relaxed);
    buffer->state_.store(Buffer::State::valid, std::memory_order_release);
    return buffer;
}

void BufferCache::wait_for_read(Buffer& buffer) {
    thread::wait_uninterruptibly(
        reads_, [&] { return buffer.state_.load(std::memory_order_acquire) != Buffer::State::reading; });
}

Result<> BufferCache::write(Buffer& buffer) {
    return block::write(device_, buffer.block_ * block_bytes_, buffer.bytes());
}

void BufferCache::forget(Buffer& buffer) {
    Guard guard(lock_);
    unhash(buffer);
    // In front: it is the first to go once nobody uses it.
    static_cast<ListNode<>&>(buffer).unlink();
    by_use_.push_front(buffer);
}

void BufferCache::drop_unused() {
    Guard guard(lock_);
    for (Buffer& buffer : by_use_) {
        if (buffer.users_.load(std::memory_order_acquire) == 0) destroy(buffer);
    }
}

}  // namespace husk::block
