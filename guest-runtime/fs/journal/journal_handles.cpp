// SPDX-License-Identifier: Apache-2.0
// Handles: joining the running transaction, and what they do to it.
#include <new>

#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/fs/journal/journal.hpp"
#include "guest-runtime/thread/clock.hpp"

namespace husk::journal {

using block::Buffer;
using block::BufferRef;
using block::BufferRole;

std::uint32_t Journal::log_blocks(std::uint32_t blocks, std::uint32_t revokes) const {
    std::uint32_t descriptors = (blocks + tags_per_block_ - 1) / tags_per_block_;
    std::uint32_t per_block = layout_.revokes_per_block();
    return blocks + descriptors + (revokes + per_block - 1) / per_block + 1;
}

bool Journal::has_room(const Transaction& transaction, std::uint32_t more_credits) const {
    // Open handles may add revoke records, for which they have no credits.
    constexpr std::uint32_t kept_for_revokes = 4;
    return log_blocks(transaction.modified_count + transaction.reserved + more_credits, transaction.revokes.count()) <=
           max_log_blocks_ - kept_for_revokes;
}

std::uint32_t Journal::max_credits() const { return max_log_blocks_ / 2; }

Result<Handle> Journal::begin(std::uint32_t credits) {
    if (credits > max_credits()) return Errno::enospc;
    for (;;) {
        Guard guard(lock_);
        if (is_aborted_ || !is_open_) return Errno::erofs;
        if (running_ == nullptr) {
            guard.unlock();
            HUSK_TRY(begin_transaction());
            continue;
        }
        TransactionId id = running_->id;
        if (running_->is_locked) {
            guard.unlock();
            thread::wait_uninterruptibly(progress_, [this, id] {
                Guard inner(lock_);
                return is_aborted_ || running_ == nullptr || running_->id != id || !running_->is_locked;
            });
            continue;
        }
        if (has_room(*running_, credits)) {
            ++running_->handles;
            running_->reserved += credits;
            return Handle(*this, credits);
        }
        guard.unlock();
        if (!commit(id).ok()) return Errno::erofs;
    }
}

// A transaction begins when the log has room for the largest, so that no commit has to wait for room: blocks of the
// older ones that it modifies cannot go home meanwhile.
Result<> Journal::begin_transaction() {
    HUSK_TRY(start_keeper());
    auto* made = new (std::nothrow) Transaction(0);
    if (made == nullptr) return Errno::enomem;
    made->begun_ns = thread::monotonic_ns();
    for (;;) {
        {
            Guard guard(lock_);
            if (is_aborted_ || !is_open_ || running_ != nullptr) break;
            if (free_ >= max_log_blocks_) {
                made->id = next_id_++;
                running_ = made;
                bool call = keeper_sleeps_;
                guard.unlock();
                if (call) call_keeper();
                return {};
            }
        }
        if (!make_space().ok()) break;
    }
    delete made;
    return {};
}

Result<> Journal::take_credits(Handle& handle, std::uint32_t more) {
    if (!has_room(*running_, more)) return Errno::enospc;
    running_->reserved += more;
    handle.credits_ += more;
    return {};
}

Result<> Journal::modify(Handle& handle, Buffer& buffer) {
    Guard guard(lock_);
    if (is_aborted_) return Errno::erofs;
    if (buffer.running_ == BufferRole::modified) return {};
    check(buffer.running_ == BufferRole::none, "a forgotten buffer was modified");
    if (handle.credits_ == 0) HUSK_TRY(take_credits(handle, 1));
    --handle.credits_;
    --running_->reserved;
    running_->add_modified(buffer);
    running_->revokes.remove(buffer.block());
    return {};
}

Result<> Journal::forget(Handle& handle, std::uint64_t block) {
    BufferRef buffer = cache_->try_find(block);
    {
        Guard guard(lock_);
        if (is_aborted_) return Errno::erofs;
        std::uint32_t blocks = running_->modified_count + running_->reserved;
        if (log_blocks(blocks, running_->revokes.count() + 1) > max_log_blocks_) return Errno::enospc;
        HUSK_TRY(running_->revokes.add(block, running_->id));
        if (buffer) {
            if (buffer->running_ == BufferRole::modified) {
                running_->remove_modified(*buffer);
                ++running_->reserved;
                ++handle.credits_;
            }
            bool has_copies = buffer->committing_ != BufferRole::none || buffer->checkpoint_ != nullptr;
            if (has_copies) running_->add_forgotten(*buffer);
        }
    }
    if (buffer) cache_->forget(*buffer);
    return {};
}

void Journal::add_ordered(OrderedData& data) {
    Guard guard(lock_);
    if (data.transaction_ == nullptr) {
        data.transaction_ = running_;
        running_->ordered.push_back(data);
    } else if (data.transaction_ != running_) {
        data.is_wanted_again_ = true;
    }
}

void Journal::drop_ordered(OrderedData& data) {
    {
        Guard guard(lock_);
        data.unlink();
        data.transaction_ = nullptr;
        data.is_wanted_again_ = false;
    }
    thread::wait_uninterruptibly(progress_, [this, &data] {
        Guard guard(lock_);
        return being_written_ != &data;
    });
}

void Journal::end_handle(Handle& handle) {
    Guard guard(lock_);
    running_->reserved -= handle.credits_;
    bool is_awaited = --running_->handles == 0 && running_->is_locked;
    guard.unlock();
    if (is_awaited) progress_.wake_all();
}

Result<> Handle::modify(Buffer& buffer) { return journal_->modify(*this, buffer); }
Result<> Handle::forget(std::uint64_t block) { return journal_->forget(*this, block); }
void Handle::add_ordered(OrderedData& data) { journal_->add_ordered(data); }

void Handle::add_hook(CommitHook& hook) {
    Guard guard(journal_->lock_);
    journal_->running_->hooks.push_back(hook);
}

Result<> Handle::extend(std::uint32_t credits) {
    Guard guard(journal_->lock_);
    return credits > credits_ ? journal_->take_credits(*this, credits - credits_) : Result<>();
}

Result<> Handle::restart(std::uint32_t credits) {
    Journal& journal = *journal_;
    end();
    Handle next = HUSK_TRY(journal.begin(credits));
    journal_ = std::exchange(next.journal_, nullptr);
    credits_ = next.credits_;
    return {};
}

TransactionId Handle::transaction() const {
    Guard guard(journal_->lock_);
    return journal_->running_->id;
}

void Handle::end() {
    if (Journal* journal = std::exchange(journal_, nullptr)) journal->end_handle(*this);
}

}  // namespace husk::journal
