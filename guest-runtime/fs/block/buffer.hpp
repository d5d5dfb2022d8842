// SPDX-License-Identifier: Apache-2.0
// One block of a device in the runtime's memory, as metadata code reads and changes it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "guest-runtime/base/intrusive_list.hpp"

namespace husk::journal {
class Journal;
class Transaction;
}  // namespace husk::journal

namespace husk::block {

class BufferCache;

struct RunningTag;
struct CommittingTag;
struct CheckpointTag;

// What a transaction does with a buffer.
enum class BufferRole : std::uint8_t { none, modified, forgotten };

// Who may change the bytes: the owner of a Handle, after handle.modify(buffer) and before the handle ends; or anybody
// as long as nobody else has the buffer and the block is written by BufferCache::write() only. Two handles that change
// one buffer at the same time need a lock of the file system's; the journal copies the bytes only while no handle is
// open. Readers need that lock as well.
class Buffer final : public ListNode<>,
                     public ListNode<RunningTag>,
                     public ListNode<CommittingTag>,
                     public ListNode<CheckpointTag> {
public:
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    [[nodiscard]] std::uint64_t block() const { return block_; }
    [[nodiscard]] std::span<std::byte> bytes() { return {data_, size_bytes_}; }
    [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_bytes_}; }

    // The reader has checked checksums and structure since the block was read from the device.
    [[nodiscard]] bool is_verified() const { return verified_.load(std::memory_order_acquire); }
    void set_verified() { verified_.store(true, std::memory_order_release); }

private:
    friend class BufferCache;
    friend class BufferRef;
    friend class journal::Journal;
    friend class journal::Transaction;

    enum class State : std::uint8_t { empty, reading, valid };

    Buffer(std::uint64_t block, std::byte* data, std::uint32_t size_bytes)
        : block_(block), data_(data), size_bytes_(size_bytes) {}

    std::uint64_t block_;
    std::byte* data_;
    Buffer* next_in_bucket_ = nullptr;
    std::uint32_t size_bytes_;
    std::atomic<std::uint32_t> users_ = 0;  // references; at 0 the cache may evict the buffer
    std::atomic<State> state_ = State::empty;
    std::atomic<bool> verified_ = false;
    bool cached_ = true;  // found by its number; false once the block was forgotten

    // Guarded by the journal's lock. Each role and the membership in a checkpoint hold a reference.
    BufferRole running_ = BufferRole::none;
    BufferRole committing_ = BufferRole::none;
    journal::Transaction* checkpoint_ = nullptr;
};

// A reference: while it lives, the buffer stays in memory.
class BufferRef {
public:
    constexpr BufferRef() = default;
    explicit BufferRef(Buffer& buffer) : buffer_(&buffer) { buffer.users_.fetch_add(1, std::memory_order_relaxed); }
    BufferRef(const BufferRef& other) : buffer_(other.buffer_) {
        if (buffer_ != nullptr) buffer_->users_.fetch_add(1, std::memory_order_relaxed);
    }
    BufferRef(BufferRef&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
    BufferRef& operator=(BufferRef other) noexcept {
        std::swap(buffer_, other.buffer_);
        return *this;
    }
    ~BufferRef() {
        if (buffer_ != nullptr) buffer_->users_.fetch_sub(1, std::memory_order_release);
    }

    Buffer& operator*() const { return *buffer_; }
    Buffer* operator->() const { return buffer_; }
    explicit operator bool() const { return buffer_ != nullptr; }

private:
    Buffer* buffer_ = nullptr;
};

}  // namespace husk::block
