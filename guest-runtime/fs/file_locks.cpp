// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/file_locks.hpp"

#include <algorithm>
#include <new>

namespace husk::fs {

namespace {

bool overlap(const LockRange& a, const LockRange& b) { return a.begin < b.end && b.begin < a.end; }

}  // namespace

FileLocks::~FileLocks() {
    while (Held* held = held_.pop_front()) delete held;
}

FileLocks::Held* FileLocks::find_conflict(const LockRange& wanted) {
    if (wanted.mode == LockMode::none) return nullptr;
    for (Held& held : held_) {
        const LockRange& range = held.range;
        if (range.kind != wanted.kind || range.owner == wanted.owner || !overlap(range, wanted)) continue;
        if (range.mode == LockMode::exclusive || wanted.mode == LockMode::exclusive) return &held;
    }
    return nullptr;
}

// Cuts the owner's old locks out of the range and puts the new one there.
Result<> FileLocks::replace(const LockRange& wanted) {
    // One lock may be cut in two and one may be added: get the memory before anything changes.
    Held* added = new (std::nothrow) Held;
    Held* tail = new (std::nothrow) Held;
    if (added == nullptr || tail == nullptr) {
        delete added;
        delete tail;
        return Errno::enolck;
    }
    for (Held& held : held_) {
        LockRange& range = held.range;
        if (range.kind != wanted.kind || range.owner != wanted.owner || !overlap(range, wanted)) continue;
        if (range.begin < wanted.begin && range.end > wanted.end) {
            tail->range = range;
            tail->range.begin = wanted.end;
            range.end = wanted.begin;
            held_.push_back(*tail);
            tail = nullptr;
            break;
        }
        if (range.begin < wanted.begin) {
            range.end = wanted.begin;
        } else if (range.end > wanted.end) {
            range.begin = wanted.end;
        } else {
            held.unlink();
            delete &held;
        }
    }
    delete tail;
    if (wanted.mode == LockMode::none) {
        delete added;
    } else {
        added->range = wanted;
        held_.push_back(*added);
    }
    return {};
}

Result<> FileLocks::set(const LockRange& wanted, bool wait) {
    for (;;) {
        {
            Guard guard(lock_);
            if (find_conflict(wanted) == nullptr) {
                HUSK_TRY(replace(wanted));
                break;
            }
        }
        if (!wait) return Errno::eagain;
        HUSK_TRY(thread::wait_until(released_, thread::Deadline::never(), [&] {
            Guard guard(lock_);
            return find_conflict(wanted) == nullptr;
        }));
    }
    // A range that was exclusive may have become shared or free.
    released_.wake_all();
    return {};
}

LockRange FileLocks::conflict(const LockRange& wanted) {
    Guard guard(lock_);
    Held* held = find_conflict(wanted);
    return held == nullptr ? LockRange{} : held->range;
}

void FileLocks::release_all(const void* owner) {
    bool released = false;
    {
        Guard guard(lock_);
        for (Held& held : held_) {
            if (held.range.owner != owner) continue;
            held.unlink();
            delete &held;
            released = true;
        }
    }
    if (released) released_.wake_all();
}

}  // namespace husk::fs
