// SPDX-License-Identifier: Apache-2.0
// One transaction: it collects handles, is committed, and stays until its blocks are at home.
#pragma once

#include <cstdint>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/fs/block/buffer.hpp"
#include "guest-runtime/fs/journal/handle.hpp"
#include "guest-runtime/fs/journal/revoke_table.hpp"

namespace husk::journal {

// Guarded by the journal's lock. A buffer in one of the lists has a reference for that.
class Transaction final : public ListNode<> {
public:
    explicit Transaction(TransactionId number) : id(number) {}
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();

    // Running.
    void add_modified(block::Buffer& buffer);
    void remove_modified(block::Buffer& buffer);
    // Its older copies become void with this transaction.
    void add_forgotten(block::Buffer& buffer);

    // The handles have ended: everything moves from the role of the running to that of the committing transaction.
    void begin_commit();
    // It is durable: modified buffers wait for their way home, forgotten ones no longer do.
    void end_commit();

    // One buffer less to write home.
    static void leave_checkpoint(block::Buffer& buffer);
    void drop_all();

    TransactionId id;
    std::uint32_t handles = 0;
    std::uint32_t modified_count = 0;
    std::uint32_t reserved = 0;  // credits of open handles
    bool is_locked = false;      // takes no new handles
    std::uint64_t begun_ns = 0;
    std::uint32_t log_start = 0;  // its first block in the log
    RevokeTable revokes;
    List<block::Buffer, block::RunningTag> modified;
    List<block::Buffer, block::RunningTag> forgotten;
    List<block::Buffer, block::CommittingTag> committing;
    List<block::Buffer, block::CommittingTag> committing_forgotten;
    List<block::Buffer, block::CheckpointTag> to_write_home;
    List<OrderedData> ordered;
    List<CommitHook> hooks;
};

}  // namespace husk::journal
