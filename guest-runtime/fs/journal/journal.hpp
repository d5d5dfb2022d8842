// SPDX-License-Identifier: Apache-2.0
// A jbd2-compatible journal: metadata changes of many handles become durable together, one transaction after the other
// [linux Documentation/filesystems/ext4/journal.rst].
//
//   auto journal = HUSK_TRY(Journal::open(cache, std::move(map), settings, owner));
//   if (journal->needs_recovery()) HUSK_TRY(journal->recover());      // then read the superblock again
//   HUSK_TRY(journal->start());                                       // only when mounted read-write
//   { Handle handle = HUSK_TRY(journal->begin(credits)); ... }
//   HUSK_TRY(journal->commit(transaction));                           // fsync
//   HUSK_TRY(journal->close());                                       // unmount
//
// After a write error the journal is aborted: it writes nothing any more, begin() and modify() answer EROFS, commit()
// and what else waits for the device EIO, and what was not committed is lost.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "guest-runtime/base/ref_ptr.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/block/buffer_cache.hpp"
#include "guest-runtime/fs/journal/handle.hpp"
#include "guest-runtime/fs/journal/journal_map.hpp"
#include "guest-runtime/fs/journal/staged_writer.hpp"
#include "guest-runtime/fs/journal/superblock.hpp"
#include "guest-runtime/fs/journal/transaction.hpp"
#include "guest-runtime/thread/mutex.hpp"

namespace husk::journal {

// What the journal asks of the file system.
class JournalOwner {
public:
    // Before the first commit since start(): a crash will need recovery from now on. The mark (ext4: INCOMPAT_RECOVER
    // in the superblock) must be durable on return. Must not begin a handle.
    virtual Result<> mark_for_recovery() = 0;
    // Once, when the journal is aborted; no handle, no commit.
    virtual void on_abort(Errno) = 0;

protected:
    ~JournalOwner() = default;
};

struct JournalSettings {
    bool has_checksums = false;  // ext4: metadata_csum
    bool is_wide = false;        // ext4: 64bit
    std::uint64_t commit_interval_ns = 5'000'000'000;
};

class Journal final : public RefCounted {
public:
    // Reads and checks the journal's superblock. Writes nothing. EIO; EINVAL for one that is corrupt; EOPNOTSUPP for
    // one with a feature that is not known, which a log line names.
    static Result<RefPtr<Journal>> open(block::BufferCache& cache, JournalMap map, const JournalSettings& settings,
                                        JournalOwner& owner);
    ~Journal() override;

    [[nodiscard]] bool needs_recovery() const;
    // Writes what was committed to its place on the device, and marks the journal empty; all durable on return. The
    // cache is emptied, so nobody may hold buffers. EIO.
    Result<> recover();
    // From here on begin() works. EINVAL while needs_recovery().
    Result<> start();

    // A change of at most `credits` blocks. May sleep for a commit or for room. EROFS once aborted or closed, ENOMEM;
    // ENOSPC for more than max_credits().
    Result<Handle> begin(std::uint32_t credits);
    [[nodiscard]] std::uint32_t max_credits() const;

    // Waits until transaction `id` and all before it are durable. True: the device was flushed meanwhile, so that data
    // written before the call is durable too; false: the transaction was so already, and nothing was flushed. EIO.
    Result<bool> commit(TransactionId id);
    // The same for everything that was modified until now.
    Result<bool> sync();
    // Whether `id` is durable.
    [[nodiscard]] bool is_committed(TransactionId id) const;

    // The object is in no transaction any more; waits while its write_ordered() runs.
    void drop_ordered(OrderedData& data);

    // Begins no transaction any more, commits, writes everything to its place and marks the journal empty. EIO when it
    // was aborted before.
    Result<> close();
    // Gives up after damage that the file system has found; `what` is logged once.
    void abort(Errno error, std::string_view what);
    [[nodiscard]] bool is_aborted() const;

private:
    friend class Handle;

    Journal(block::BufferCache& cache, JournalMap map, const JournalSettings& settings, JournalOwner& owner);
    Result<> read_superblock();
    // Durable after the next flush. EIO.
    Result<> write_superblock(std::uint32_t start, TransactionId sequence);
    void limit_sizes();

    // What a transaction takes in the log if all its handles use their credits.
    [[nodiscard]] std::uint32_t log_blocks(std::uint32_t blocks, std::uint32_t revokes) const;
    [[nodiscard]] bool has_room(const Transaction& transaction, std::uint32_t more_credits) const;
    Result<> begin_transaction();
    Result<> take_credits(Handle& handle, std::uint32_t more);
    void end_handle(Handle& handle);
    Result<> modify(Handle& handle, block::Buffer& buffer);
    Result<> forget(Handle& handle, std::uint64_t block);
    void add_ordered(OrderedData& data);

    // The following run with turn_ held.
    Result<> commit_running();
    void lock_running(Transaction& transaction);
    Result<> begin_log(const Transaction& transaction);
    Result<> write_transaction(Transaction& transaction);
    Result<> write_revokes(Transaction& transaction);
    Result<> write_copies(Transaction& transaction);
    Result<> write_commit_block(const Transaction& transaction);
    void write_ordered_data(Transaction& transaction);
    void end_commit(Transaction& transaction);
    Result<std::span<std::byte>> next_log_block();
    Result<> flush();
    void drop_empty(Transaction& transaction);
    // Writes blocks home until that much of the log is free, or as much as can be now. A step is what is gathered at
    // once; true: another one can follow.
    Result<bool> checkpoint_step(std::uint32_t wanted_free);
    Result<> checkpoint(std::uint32_t wanted_free);
    Result<std::uint32_t> write_home();
    Result<> move_tail();
    Result<> mark_empty();
    std::uint32_t free_behind_tail();

    Result<> make_space();
    Result<> start_keeper();
    void keep();
    bool write_home_in_background();
    void call_keeper();
    // Of a write error: aborts, and is the error.
    Errno fail(std::string_view what);
    void log(std::string_view what) const;

    RefPtr<block::BufferCache> cache_;
    block::BlockDevice& device_;
    JournalMap map_;
    JournalSettings settings_;
    JournalOwner& owner_;
    fs::HeapArray<std::byte> superblock_;
    LogState log_;
    Layout layout_;                     // of what is written; that of the log to recover is in log_
    std::uint32_t capacity_ = 0;        // blocks of the log that are used
    std::uint32_t max_log_blocks_ = 0;  // of one transaction
    std::uint32_t tags_per_block_ = 0;

    thread::Mutex turn_;  // commits and what writes blocks home: one at a time
    StagedWriter writer_;
    fs::HeapArray<block::Buffer*> batch_;
    bool is_log_marked_ = false;  // the superblock says that there is a log
    std::uint32_t head_ = 0;      // where the next transaction begins

    // Guards what follows, the transactions, and the roles of buffers. Only the heap's locks are taken inside.
    mutable Spinlock lock_;
    Transaction* running_ = nullptr;
    Transaction* committing_ = nullptr;
    List<Transaction> committed_;  // with blocks that are not at home, oldest first
    TransactionId next_id_ = 0;
    TransactionId last_committed_ = 0;
    std::uint32_t free_ = 0;  // blocks of the log, as the superblock on the device says
    OrderedData* being_written_ = nullptr;
    std::uint64_t flushes_begun_ = 0;
    std::uint64_t last_flush_done_ = 0;  // the number of the last one that succeeded
    bool is_aborted_ = false;
    bool is_open_ = false;        // between start() and close()
    thread::WaitQueue progress_;  // woken when any of this changes in a way that others wait for

    bool has_keeper_ = false;
    bool keeper_sleeps_ = false;  // without a deadline
    std::uint64_t keeper_calls_ = 0;
    thread::WaitQueue keeper_queue_;
};

}  // namespace husk::journal
