// SPDX-License-Identifier: Apache-2.0
// Commit: handles stop while the blocks of the transaction are copied; then they go on in the next one, while the
// copies and the ordered data become durable, and the commit block after them.
#include <algorithm>

#include "guest-runtime/base/string.hpp"
#include "guest-runtime/fs/journal/journal.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::journal {

using block::Buffer;

Result<bool> Journal::commit(TransactionId id) {
    std::uint64_t flushes_before = 0;
    {
        Guard guard(lock_);
        if (is_aborted_) return Errno::eio;
        if (!is_later(id, last_committed_)) return false;
        flushes_before = flushes_begun_;
    }
    // Those who come while a commit runs find their transaction committed by whoever gets the next turn.
    Guard turn(turn_);
    bool is_done = is_committed(id);
    if (!is_done) HUSK_TRY(commit_running());
    Guard guard(lock_);
    if (is_aborted_) return Errno::eio;
    return last_flush_done_ > flushes_before;
}

Result<bool> Journal::sync() {
    TransactionId id = 0;
    {
        Guard guard(lock_);
        if (is_aborted_) return Errno::eio;
        Transaction* last = running_ != nullptr ? running_ : committing_;
        if (last == nullptr) return false;
        id = last->id;
    }
    return commit(id);
}

void Journal::lock_running(Transaction& transaction) {
    {
        Guard guard(lock_);
        transaction.is_locked = true;
    }
    thread::wait_uninterruptibly(progress_, [this, &transaction] {
        Guard guard(lock_);
        return transaction.handles == 0;
    });
}

Result<> Journal::commit_running() {
    {
        Guard guard(lock_);
        if (is_aborted_) return Errno::eio;
        if (running_ == nullptr) return {};
    }
    Transaction& transaction = *running_;
    lock_running(transaction);
    if (transaction.modified_count == 0 && transaction.revokes.count() == 0) {
        drop_empty(transaction);
        return {};
    }
    if (!begin_log(transaction).ok()) return fail("the journal cannot be begun");
    if (!write_transaction(transaction).ok()) return fail("the journal cannot be written");
    end_commit(transaction);
    return {};
}

// Nobody has modified anything: the next transaction gets its number, since those in the log have no gaps.
void Journal::drop_empty(Transaction& transaction) {
    {
        Guard guard(lock_);
        next_id_ = transaction.id;
        running_ = nullptr;
    }
    progress_.wake_all();
    while (CommitHook* hook = transaction.hooks.pop_front()) hook->on_end(true);
    delete &transaction;
}

// Before the first commit block can be on the device, a recovery must know that there is a log.
Result<> Journal::begin_log(const Transaction& transaction) {
    if (is_log_marked_) return {};
    HUSK_TRY(owner_.mark_for_recovery());
    set_features(superblock_.span(), settings_.has_checksums, settings_.is_wide);
    HUSK_TRY(write_superblock(head_, transaction.id));
    is_log_marked_ = true;
    return {};
}

Result<std::span<std::byte>> Journal::next_log_block() {
    std::uint64_t device_block = map_.find(head_, 1).device_block;
    if (++head_ == log_.block_count) head_ = log_.first;
    return writer_.next(device_block);
}

Result<> Journal::write_transaction(Transaction& transaction) {
    transaction.log_start = head_;
    {
        Guard guard(lock_);
        transaction.begin_commit();
    }
    HUSK_TRY(write_revokes(transaction));
    HUSK_TRY(write_copies(transaction));
    {
        Guard guard(lock_);
        free_ -= log_blocks(transaction.modified_count, transaction.revokes.count());
        committing_ = &transaction;
        running_ = nullptr;
    }
    progress_.wake_all();
    writer_.submit();
    write_ordered_data(transaction);
    HUSK_TRY(writer_.finish());
    HUSK_TRY(flush());
    HUSK_TRY(write_commit_block(transaction));
    return flush();
}

Result<> Journal::write_revokes(Transaction& transaction) {
    std::uint32_t left = transaction.revokes.count();
    std::span<std::byte> block;
    std::size_t at = 0;
    bool has_failed = false;
    transaction.revokes.for_each([&](std::uint64_t revoked) {
        if (has_failed) return;
        if (block.empty()) {
            auto next = next_log_block();
            if (!next.ok()) {
                has_failed = true;
                return;
            }
            block = next.value();
            memset(block.data(), 0, block.size());
            at = sizeof(format::Revoke);
        }
        if (layout_.is_wide) {
            store(block, Be64(revoked), at);
        } else {
            store(block, Be32(static_cast<std::uint32_t>(revoked)), at);
        }
        at += layout_.revoke_entry_bytes();
        --left;
        bool is_full = at + layout_.revoke_entry_bytes() + layout_.tail_bytes() > block.size();
        if (!is_full && left != 0) return;
        format::Header header{format::magic, format::block_type::revoke, transaction.id};
        store(block, format::Revoke{header, static_cast<std::uint32_t>(at)});
        layout_.seal_tail(block);
        block = {};
    });
    return has_failed ? Result<>(Errno::eio) : Result<>();
}

// A descriptor block and its copies are gathered together, since the copies' checksums stand in the tags.
Result<> Journal::write_copies(Transaction& transaction) {
    std::uint32_t left = transaction.modified_count, in_group = 0;
    std::span<std::byte> descriptor;
    std::size_t at = 0;
    for (Buffer& buffer : transaction.committing) {
        bool is_first = in_group == 0;
        if (is_first) {
            in_group = std::min(left, tags_per_block_);
            HUSK_TRY(writer_.make_room(in_group + 1));
            descriptor = HUSK_TRY(next_log_block());
            memset(descriptor.data(), 0, descriptor.size());
            store(descriptor, format::Header{format::magic, format::block_type::descriptor, transaction.id});
            at = sizeof(format::Header);
        }
        std::span<std::byte> copy = HUSK_TRY(next_log_block());
        memcpy(copy.data(), buffer.bytes().data(), copy.size());
        BlockTag tag{buffer.block(), is_first ? 0 : format::tag_flag::same_uuid, 0};
        if (load<Be32>(copy) == format::magic) {
            store(copy, Be32(0));
            tag.flags |= format::tag_flag::escaped;
        }
        --left;
        if (--in_group == 0) tag.flags |= format::tag_flag::last;
        if (layout_.has_checksums()) tag.checksum = layout_.copy_checksum(transaction.id, copy);
        write_tag(layout_, descriptor.data() + at, tag);
        at += layout_.tag_bytes();
        if (is_first) {
            auto super = load<format::Superblock>(superblock_.span());
            store(descriptor, super.uuid, at);
            at += format::uuid_bytes;
        }
        if (in_group == 0) layout_.seal_tail(descriptor);
    }
    return {};
}

Result<> Journal::write_commit_block(const Transaction& transaction) {
    std::span<std::byte> block = HUSK_TRY(next_log_block());
    memset(block.data(), 0, block.size());
    format::Commit commit{};
    commit.header = {format::magic, format::block_type::commit, transaction.id};
    auto now_ns = static_cast<std::uint64_t>(thread::realtime_ns());
    commit.seconds = now_ns / 1'000'000'000;
    commit.nanoseconds = static_cast<std::uint32_t>(now_ns % 1'000'000'000);
    store(block, commit);
    layout_.seal_commit(block);
    return writer_.finish();
}

void Journal::write_ordered_data(Transaction& transaction) {
    for (;;) {
        OrderedData* data = nullptr;
        {
            Guard guard(lock_);
            data = transaction.ordered.pop_front();
            being_written_ = data;
            if (data == nullptr) break;
            data->transaction_ = nullptr;
            if (std::exchange(data->is_wanted_again_, false)) {
                data->transaction_ = running_;
                running_->ordered.push_back(*data);
            }
        }
        data->write_ordered();
        {
            Guard guard(lock_);
            being_written_ = nullptr;
        }
        progress_.wake_all();
    }
}

void Journal::end_commit(Transaction& transaction) {
    bool is_half_full = false;
    {
        Guard guard(lock_);
        transaction.end_commit();
        committed_.push_back(transaction);
        committing_ = nullptr;
        last_committed_ = transaction.id;
        is_half_full = free_ < capacity_ / 2;
    }
    while (CommitHook* hook = transaction.hooks.pop_front()) hook->on_end(true);
    progress_.wake_all();
    if (is_half_full) call_keeper();
}

}  // namespace husk::journal
