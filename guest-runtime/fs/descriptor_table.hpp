// SPDX-License-Identifier: Apache-2.0
// The process's descriptors: small numbers that name open file descriptions.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/fs/file.hpp"
#include "guest-runtime/fs/heap_array.hpp"

namespace husk::fs {

class DescriptorTable {
public:
    static constexpr std::uint32_t default_limit = 1024;
    static constexpr std::uint32_t hard_limit = 1048576;

    constexpr DescriptorTable() = default;
    DescriptorTable(const DescriptorTable&) = delete;
    DescriptorTable& operator=(const DescriptorTable&) = delete;

    // EBADF when nothing is open there.
    Result<RefPtr<File>> get(int fd);
    // The lowest free descriptor that is not below `lowest`. EMFILE at the limit, EINVAL for `lowest` beyond it.
    Result<int> add(RefPtr<File> file, bool close_on_exec, int lowest = 0);
    // EMFILE when add() would find none now: for what must not be begun then.
    Result<> require_free();
    // dup2: `fd` names `file` from now on; what it named before is closed.
    Result<> put(int fd, RefPtr<File> file, bool close_on_exec);
    Result<> close(int fd);
    // close_range: [first, last]; mark_only sets the flag instead of closing.
    void close_range(std::uint32_t first, std::uint32_t last, bool mark_only);

    Result<bool> close_on_exec(int fd);
    Result<> set_close_on_exec(int fd, bool yes);
    // The lowest open descriptor that is not below `fd`.
    std::optional<int> next_open(int fd);

    // RLIMIT_NOFILE's soft value.
    [[nodiscard]] std::uint32_t limit() const { return limit_.load(std::memory_order_relaxed); }
    void set_limit(std::uint32_t limit) { limit_.store(limit, std::memory_order_relaxed); }

private:
    // Its lock is over `file` for those who only look; who changes it holds the table's lock too. So calls that name
    // different descriptors meet nowhere.
    struct Entry {
        Spinlock lock;
        bool close_on_exec = false;
        File* file = nullptr;  // owns a reference and a handle
    };
    // Entries lie in blocks that stay where they are: block n has 16 << n of them.
    static constexpr std::uint32_t first_block = 16;
    static constexpr unsigned max_blocks = 17;  // more than hard_limit entries

    Result<> grow_to(std::uint32_t count);
    [[nodiscard]] std::uint32_t lowest_free(std::uint32_t from);
    [[nodiscard]] std::uint32_t capacity() const { return capacity_.load(std::memory_order_acquire); }
    [[nodiscard]] Entry& entry(std::uint32_t index);  // below capacity()
    [[nodiscard]] Entry* find(int fd);
    static void set(Entry& entry, File* file, bool close_on_exec);
    RefPtr<File> take(std::uint32_t index);
    static void drop(const RefPtr<File>& file);

    Spinlock lock_;  // over which descriptors are open
    std::array<HeapArray<Entry>, max_blocks> blocks_;
    std::atomic<std::uint32_t> capacity_ = 0;
    std::uint32_t first_free_ = 0;  // nothing below it is free
    std::atomic<std::uint32_t> limit_ = default_limit;
};

// The table of the one process, made once at boot.
DescriptorTable& descriptors();
Result<> make_descriptor_table();
// What `fd` names; EBADF too for O_PATH descriptions, which only stand for a place.
Result<RefPtr<File>> file_of(int fd);
// The same with O_PATH descriptions, for the calls that take a place.
inline Result<RefPtr<File>> place_of(int fd) { return descriptors().get(fd); }

}  // namespace husk::fs
