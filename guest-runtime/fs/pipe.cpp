// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/pipe.hpp"

#include <algorithm>
#include <bit>

namespace husk::fs {

void Pipe::add_end(bool reads, bool writes) {
    if (reads) {
        readers_.fetch_add(1, std::memory_order_acq_rel);
        readers_ever_.fetch_add(1, std::memory_order_acq_rel);
    }
    if (writes) {
        writers_.fetch_add(1, std::memory_order_acq_rel);
        writers_ever_.fetch_add(1, std::memory_order_acq_rel);
    }
    if (reads && writes) double_ends_.fetch_add(1, std::memory_order_acq_rel);
    // open_fifo() waits for this.
    readable_.wake_all();
    writable_.wake_all();
}

void Pipe::drop_end(bool reads, bool writes) {
    if (reads && readers_.fetch_sub(1, std::memory_order_acq_rel) == 1) writable_.wake_all();
    if (writes && writers_.fetch_sub(1, std::memory_order_acq_rel) == 1) readable_.wake_all();
    if (reads && writes) double_ends_.fetch_sub(1, std::memory_order_acq_rel);
    // A FIFO keeps its pipe, but nothing that nobody can read any more. Under the lock: what stands there is of ends
    // that have been counted.
    Guard guard(mutex_);
    if (readers() != 0 || writers() != 0) return;
    ring_ = {};
    used_.store(0, std::memory_order_release);
    head_ = 0;
}

// With mutex_ held.
Result<> Pipe::move_out(IoBuffer& to, std::size_t bytes) {
    std::size_t first = std::min(bytes, ring_.size() - head_);
    HUSK_TRY(to.put(ring_.data() + head_, first));
    if (bytes > first) HUSK_TRY(to.put(ring_.data(), bytes - first));
    std::size_t left = used() - bytes;
    // An empty ring starts over, so that short messages touch little memory.
    head_ = left == 0 ? 0 : (head_ + bytes) & (ring_.size() - 1);
    used_.store(left, std::memory_order_release);
    return {};
}

Result<> Pipe::move_in(IoBuffer& from, std::size_t bytes) {
    std::size_t tail = (head_ + used()) & (ring_.size() - 1);
    std::size_t first = std::min(bytes, ring_.size() - tail);
    HUSK_TRY(from.take(ring_.data() + tail, first));
    if (bytes > first) HUSK_TRY(from.take(ring_.data(), bytes - first));
    used_.store(used() + bytes, std::memory_order_release);
    return {};
}

Result<std::size_t> Pipe::read(IoBuffer& to, bool non_blocking) {
    if (to.remaining() == 0) return 0;
    for (;;) {
        {
            Guard guard(mutex_);
            if (std::size_t bytes = std::min(to.remaining(), used())) {
                HUSK_TRY(move_out(to, bytes));
                bool more = used() != 0;
                guard.unlock();
                writable_.wake_one();
                if (more || double_ends_.load(std::memory_order_relaxed) != 0) readable_.wake_one();
                return bytes;
            }
            if (writers() == 0) return 0;
        }
        if (non_blocking) return Errno::eagain;
        HUSK_TRY(
            thread::wait_until(readable_, thread::Deadline::never(), [this] { return used() != 0 || writers() == 0; }));
    }
}

Result<std::size_t> Pipe::write(IoBuffer& from, bool non_blocking) {
    std::size_t done = 0;
    if (from.remaining() == 0) return 0;
    for (;;) {
        std::size_t room_wanted = from.remaining() <= atomic_bytes && done == 0 ? from.remaining() : 1;
        Errno error = Errno::eagain;
        {
            Guard guard(mutex_);
            if (readers() == 0) return done != 0 ? Result<std::size_t>(done) : Errno::epipe;
            if (ring_.size() == 0) ring_ = HUSK_TRY(HeapArray<std::byte>::create(capacity()));
            std::size_t room = ring_.size() - used();
            if (room >= room_wanted) {
                std::size_t bytes = std::min(room, from.remaining());
                auto moved = move_in(from, bytes);
                if (!moved.ok()) return done != 0 ? Result<std::size_t>(done) : moved.error();
                done += bytes;
                bool more_room = used() != ring_.size();
                guard.unlock();
                readable_.wake_one();
                if (from.remaining() == 0) {
                    if (more_room) writable_.wake_one();
                    return done;
                }
                continue;
            }
        }
        if (!non_blocking) {
            auto waited = thread::wait_until(writable_, thread::Deadline::never(),
                                             [&] { return capacity() - used() >= room_wanted || readers() == 0; });
            if (waited.ok()) continue;
            error = waited.error();
        }
        return done != 0 ? Result<std::size_t>(done) : error;
    }
}

Result<std::size_t> Pipe::set_capacity(std::uint64_t wanted_bytes) {
    constexpr std::uint64_t most = 1 << 20;  // /proc/sys/fs/pipe-max-size
    if (wanted_bytes > most) return Errno::eperm;
    std::size_t size = std::bit_ceil(std::max<std::size_t>(wanted_bytes, atomic_bytes));
    Guard guard(mutex_);
    std::size_t bytes = used();
    if (bytes > size) return Errno::ebusy;
    if (ring_.size() != 0) {
        auto ring = HUSK_TRY(HeapArray<std::byte>::create(size));
        IoBuffer to = IoBuffer::of_runtime(ring.span());
        HUSK_TRY(move_out(to, bytes));
        ring_ = std::move(ring);
        head_ = 0;
        used_.store(bytes, std::memory_order_release);
    }
    capacity_.store(size, std::memory_order_relaxed);
    guard.unlock();
    writable_.wake_all();
    return size;
}

}  // namespace husk::fs
