// SPDX-License-Identifier: Apache-2.0
// Advisory locks on one file: flock(2) over the whole of it and fcntl(2)'s ranges, between open descriptions.
#pragma once

#include <cstdint>

#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::fs {

enum class LockKind : std::uint8_t { whole, range };  // flock, F_OFD_SETLK: two name spaces, as in Linux
enum class LockMode : std::uint8_t { none, shared, exclusive };

// [begin, end), owned by an open description.
struct LockRange {
    std::uint64_t begin = 0;
    std::uint64_t end = UINT64_MAX;
    LockKind kind = LockKind::whole;
    LockMode mode = LockMode::none;
    const void* owner = nullptr;
};

// POSIX locks (F_SETLK) belong to a process; there is one process, so they never conflict and are not recorded.
class FileLocks {
public:
    constexpr FileLocks() = default;
    FileLocks(const FileLocks&) = delete;
    FileLocks& operator=(const FileLocks&) = delete;
    ~FileLocks();

    // Takes, converts or (LockMode::none) gives up; EAGAIN when another owner is in the way and `wait` is false.
    Result<> set(const LockRange& wanted, bool wait);
    // A lock in the way of `wanted`; mode none when there is none.
    LockRange conflict(const LockRange& wanted);
    void release_all(const void* owner);

private:
    struct Held : ListNode<> {
        LockRange range;
    };
    [[nodiscard]] Held* find_conflict(const LockRange& wanted);
    Result<> replace(const LockRange& wanted);

    Spinlock lock_;
    List<Held> held_;
    thread::WaitQueue released_;
};

}  // namespace husk::fs
