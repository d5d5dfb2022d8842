// SPDX-License-Identifier: Apache-2.0
// Checkpoint: committed blocks go home, so that their part of the log can be used again; and the thread that does this,
// and commits what has waited long enough, in the background.
#include <algorithm>

#include "guest-runtime/base/string.hpp"
#include "guest-runtime/fs/journal/journal.hpp"
#include "guest-runtime/thread/clock.hpp"
#include "guest-runtime/thread/runtime_thread.hpp"

namespace husk::journal {

using block::Buffer;
using block::BufferRole;

// How much would be free if the log began with the oldest transaction that has blocks left; older ones go.
std::uint32_t Journal::free_behind_tail() {
    Guard guard(lock_);
    while (Transaction* oldest = committed_.front()) {
        if (!oldest->to_write_home.empty()) {
            std::uint32_t length = log_.block_count - log_.first;
            std::uint32_t used =
                head_ > oldest->log_start ? head_ - oldest->log_start : head_ + length - oldest->log_start;
            return capacity_ - used;
        }
        static_cast<ListNode<>*>(oldest)->unlink();
        delete oldest;
    }
    return capacity_;
}

// Writes home what is oldest and not being modified, as much as is gathered at once; how many blocks that was.
Result<std::uint32_t> Journal::write_home() {
    std::uint32_t count = 0;
    {
        Guard guard(lock_);
        for (Transaction& transaction : committed_) {
            for (Buffer& buffer : transaction.to_write_home) {
                if (count == batch_.size()) break;
                if (buffer.running_ != BufferRole::modified) batch_[count++] = &buffer;
            }
        }
    }
    // By a heap: half the code of std::sort.
    auto before = [](const Buffer* a, const Buffer* b) { return a->block() < b->block(); };
    std::make_heap(batch_.data(), batch_.data() + count, before);
    std::sort_heap(batch_.data(), batch_.data() + count, before);
    std::uint32_t copied = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
        Buffer& buffer = *batch_[i];
        std::span<std::byte> copy = HUSK_TRY(writer_.next(buffer.block()));
        Guard guard(lock_);
        // A handle has begun to modify it since: its bytes are no longer those that were committed.
        if (buffer.running_ == BufferRole::modified) {
            writer_.drop_last();
            continue;
        }
        memcpy(copy.data(), buffer.bytes().data(), copy.size());
        batch_[copied++] = &buffer;
    }
    HUSK_TRY(writer_.finish());
    Guard guard(lock_);
    for (std::uint32_t i = 0; i < copied; ++i) Transaction::leave_checkpoint(*batch_[i]);
    return copied;
}

// The superblock names the new beginning before anything behind the old one is overwritten, and what was in between is
// at home before that.
Result<> Journal::move_tail() {
    std::uint32_t free = free_behind_tail();
    std::uint32_t start = head_;
    TransactionId sequence = 0;
    {
        Guard guard(lock_);
        if (free == free_) return {};
        sequence = running_ != nullptr ? running_->id : next_id_;
        if (Transaction* oldest = committed_.front()) {
            start = oldest->log_start;
            sequence = oldest->id;
        }
    }
    HUSK_TRY(flush());
    HUSK_TRY(write_superblock(start, sequence));
    HUSK_TRY(flush());
    Guard guard(lock_);
    free_ = free;
    return {};
}

Result<bool> Journal::checkpoint_step(std::uint32_t wanted_free) {
    std::uint32_t written = 0;
    if (free_behind_tail() < wanted_free) {
        auto done = write_home();
        if (!done.ok()) return fail("committed blocks cannot be written to their place");
        written = done.value();
    }
    bool can_go_on = written != 0 && free_behind_tail() < wanted_free;
    if (!can_go_on && !move_tail().ok()) return fail("the journal's superblock cannot be written");
    return can_go_on;
}

Result<> Journal::checkpoint(std::uint32_t wanted_free) {
    while (HUSK_TRY(checkpoint_step(wanted_free))) {
    }
    return {};
}

Result<> Journal::make_space() {
    Guard turn(turn_);
    {
        Guard guard(lock_);
        if (is_aborted_ || !is_open_ || running_ != nullptr || free_ >= max_log_blocks_) return {};
    }
    return checkpoint(capacity_ / 2);
}

Result<> Journal::start_keeper() {
    {
        Guard guard(lock_);
        if (has_keeper_) return {};
        has_keeper_ = true;
    }
    retain();
    auto body = [](void* argument) {
        auto* journal = static_cast<Journal*>(argument);
        journal->keep();
        journal->release();
    };
    auto started = thread::start_runtime_thread(body, this);
    if (started.ok()) return {};
    release();
    Guard guard(lock_);
    has_keeper_ = false;
    return started;
}

void Journal::call_keeper() {
    {
        Guard guard(lock_);
        ++keeper_calls_;
    }
    keeper_queue_.wake_all();
}

// One step, so that a commit need not wait for all of it. Whether there is more to do. While this waits for its turn
// the journal may be closed, and then the device is no longer its own.
bool Journal::write_home_in_background() {
    bool can_go_on = false;
    {
        Guard turn(turn_);
        {
            Guard guard(lock_);
            if (!is_open_ || is_aborted_) return false;
        }
        auto step = checkpoint_step(capacity_ / 2);
        can_go_on = step.ok() && step.value();
    }
    thread::yield();
    return can_go_on;
}

void Journal::keep() {
    for (;;) {
        std::uint64_t calls = 0;
        TransactionId running = 0;
        bool is_full = false;
        auto deadline = thread::Deadline::never();
        {
            Guard guard(lock_);
            if (!is_open_) return;
            calls = keeper_calls_;
            is_full = !is_aborted_ && free_ < capacity_ / 2 && !committed_.empty();
            if (!is_aborted_ && running_ != nullptr) {
                running = running_->id;
                deadline = {running_->begun_ns + settings_.commit_interval_ns};
            }
        }
        if (deadline.has_passed()) {
            (void)commit(running);
            continue;
        }
        if (is_full && write_home_in_background()) continue;
        {
            Guard guard(lock_);
            // It has begun since, and called nobody.
            if (deadline.is_never() && running_ != nullptr && !is_aborted_) continue;
            keeper_sleeps_ = deadline.is_never();
        }
        (void)thread::wait_until(keeper_queue_, deadline, [this, calls] {
            Guard guard(lock_);
            return keeper_calls_ != calls;
        });
        Guard guard(lock_);
        keeper_sleeps_ = false;
    }
}

}  // namespace husk::journal
