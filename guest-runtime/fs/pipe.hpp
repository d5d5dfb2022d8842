// SPDX-License-Identifier: Apache-2.0
// A pipe: a ring of bytes between those who read and those who write.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/fs/file.hpp"
#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/thread/mutex.hpp"

namespace husk::fs {

class Pipe final : public RefCounted {
public:
    static constexpr std::size_t default_capacity = 64 << 10;
    static constexpr std::size_t atomic_bytes = 4096;  // PIPE_BUF: a write of at most that many is not split

    // 0: every writer is gone.
    Result<std::size_t> read(IoBuffer& to, bool non_blocking);
    // EPIPE when every reader is gone.
    Result<std::size_t> write(IoBuffer& from, bool non_blocking);

    [[nodiscard]] std::size_t used() const { return used_.load(std::memory_order_acquire); }
    [[nodiscard]] std::size_t capacity() const { return capacity_.load(std::memory_order_relaxed); }
    // Rounds up to a power of two; EBUSY when what is in it would not fit.
    Result<std::size_t> set_capacity(std::uint64_t wanted_bytes);

    [[nodiscard]] std::uint32_t readers() const { return readers_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint32_t writers() const { return writers_.load(std::memory_order_acquire); }
    // How many ends of that kind there have ever been.
    [[nodiscard]] std::uint32_t readers_ever() const { return readers_ever_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint32_t writers_ever() const { return writers_ever_.load(std::memory_order_acquire); }
    void add_end(bool reads, bool writes);
    void drop_end(bool reads, bool writes);

    // Woken when bytes arrive or the last writer goes; when room appears or the last reader goes; both at new ends.
    thread::WaitQueue& readable() { return readable_; }
    thread::WaitQueue& writable() { return writable_; }

private:
    Result<> move_out(IoBuffer& to, std::size_t bytes);
    Result<> move_in(IoBuffer& from, std::size_t bytes);

    thread::Mutex mutex_;
    HeapArray<std::byte> ring_;  // empty until the first write
    std::size_t head_ = 0;       // the oldest byte
    std::atomic<std::size_t> used_ = 0;
    std::atomic<std::size_t> capacity_ = default_capacity;
    std::atomic<std::uint32_t> readers_ = 0;
    std::atomic<std::uint32_t> writers_ = 0;
    std::atomic<std::uint32_t> double_ends_ = 0;  // opened with O_RDWR: they watch readable_ for room too
    std::atomic<std::uint32_t> readers_ever_ = 0;
    std::atomic<std::uint32_t> writers_ever_ = 0;
    thread::WaitQueue readable_;
    thread::WaitQueue writable_;
};

struct PipeEnds {
    RefPtr<File> reader;
    RefPtr<File> writer;
};

// `flags`: O_NONBLOCK or 0.
Result<PipeEnds> make_pipe(std::uint32_t flags);
// An end of a FIFO; waits for the other kind of end unless O_NONBLOCK or O_RDWR says not to.
Result<RefPtr<File>> open_fifo(RefPtr<Inode> inode, RefPtr<Pipe> pipe, std::uint32_t flags);

// F_GETPIPE_SZ, F_SETPIPE_SZ; EBADF when `file` is no pipe.
Result<long> pipe_capacity(File& file);
Result<long> set_pipe_capacity(File& file, std::uint64_t wanted_bytes);

}  // namespace husk::fs
