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
// After a write error the journal is aborted: nothing is written any more, begin(), modify() and commit() answer EROFS,
// and what was not committed is lost.
#pragma once

#include <cstdint>

#include "guest-runtime/base/ref_ptr.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/fs/block/buffer_cache.hpp"
#include "guest-runtime/fs/journal/handle.hpp"
#include "guest-runtime/fs/journal/journal_map.hpp"

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

    // A change of at most `credits` blocks. May sleep for a commit or for room. EROFS once aborted, ENOMEM; ENOSPC for
    // more than max_credits().
    Result<Handle> begin(std::uint32_t credits);
    [[nodiscard]] std::uint32_t max_credits() const;

    // Waits until transaction `id` and all before it are durable. True: the device was flushed meanwhile, so that data
    // written before the call is durable too; false: the transaction was so already, and nothing was flushed. EROFS.
    Result<bool> commit(TransactionId id);
    // The same for everything that was modified until now.
    Result<bool> sync();
    // Whether `id` is durable.
    [[nodiscard]] bool is_committed(TransactionId id) const;

    // The object is in no transaction any more; waits while its write_ordered() runs.
    void drop_ordered(OrderedData& data);

    // Commits, writes everything to its place and marks the journal empty. No handle may be open or come. EROFS when it
    // was aborted before.
    Result<> close();
    // Gives up after damage that the file system has found; `what` is logged once.
    void abort(Errno error, std::string_view what);
    [[nodiscard]] bool is_aborted() const;

private:
    friend class Handle;
};

}  // namespace husk::journal
