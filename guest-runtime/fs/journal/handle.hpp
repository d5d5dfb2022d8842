// SPDX-License-Identifier: Apache-2.0
// One atomic change of metadata: after a crash either all that was modified under a handle is there or nothing.
//
//   Handle handle = HUSK_TRY(journal.begin(8));     // at most 8 different blocks
//   HUSK_TRY(handle.modify(*buffer));               // first this, then change buffer->bytes()
//   ...                                             // the destructor ends it
#pragma once

#include <cstdint>
#include <utility>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/block/buffer.hpp"

namespace husk::journal {

class Journal;
class Transaction;

// Numbers wrap: compare with is_later().
using TransactionId = std::uint32_t;
[[nodiscard]] constexpr bool is_later(TransactionId a, TransactionId b) { return static_cast<std::int32_t>(a - b) > 0; }

// File data that must be on the device before the transaction that makes it reachable commits (ordered mode). The owner
// calls Journal::drop_ordered() before it destroys the object.
class OrderedData : public ListNode<> {
public:
    // Writes the data and waits for it, without a flush. Runs in the committing thread, which may be any; must neither
    // begin a handle nor wait for somebody who does. Its errors are the owner's to keep for fsync.
    virtual void write_ordered() = 0;

protected:
    ~OrderedData() = default;

private:
    friend class Journal;
    friend class Transaction;
    Transaction* transaction_ = nullptr;  // in whose list it is
    bool is_wanted_again_ = false;        // by the running transaction, while still in the committing one's list
};

// Called once when the transaction it was added to is durable, or will never be.
class CommitHook : public ListNode<> {
public:
    // May sleep, may delete itself, must not begin a handle. For the allocator: only now may blocks that the
    // transaction freed be handed out again (`committed` false: never).
    virtual void on_end(bool committed) = 0;

protected:
    ~CommitHook() = default;
};

// A thread has at most one, passes it on by reference, and does not sleep for long while it lives: commits wait for its
// end. It must not call Journal::commit() or sync() meanwhile.
class [[nodiscard]] Handle {
public:
    Handle(Handle&& other) noexcept : journal_(std::exchange(other.journal_, nullptr)), credits_(other.credits_) {}
    Handle& operator=(Handle&&) = delete;
    ~Handle() { end(); }

    // The buffer becomes part of the transaction and its bytes may be changed until the handle ends. EROFS once the
    // journal is aborted; ENOSPC when the credits are used up and the transaction has no room for more.
    Result<> modify(block::Buffer& buffer);
    // A block that may have been modified as metadata is now free: what the journal holds of it must not be replayed,
    // and its buffer is dropped. The block must not become file data before a CommitHook of this handle says so.
    // Modifying a buffer of it again takes that back. Costs no credit. ENOMEM, EROFS; ENOSPC after thousands in one
    // transaction: restart().
    Result<> forget(std::uint64_t block);
    void add_ordered(OrderedData& data);
    void add_hook(CommitHook& hook);

    // How many more blocks may be modified.
    [[nodiscard]] std::uint32_t credits() const { return credits_; }
    // Makes credits() at least `credits` within this transaction; ENOSPC when it has no room: then bring the file
    // system into a consistent state and restart().
    Result<> extend(std::uint32_t credits);
    // Ends this handle and begins another, which may be in a later transaction; may sleep. After an error it has ended.
    Result<> restart(std::uint32_t credits);
    // Of the transaction it belongs to, for Journal::commit().
    [[nodiscard]] TransactionId transaction() const;
    void end();

private:
    friend class Journal;
    Handle(Journal& journal, std::uint32_t credits) : journal_(&journal), credits_(credits) {}

    Journal* journal_;
    std::uint32_t credits_;
};

}  // namespace husk::journal
