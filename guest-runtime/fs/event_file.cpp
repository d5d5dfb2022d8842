// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/event_file.hpp"

#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"

namespace husk::fs {

namespace {

class EventFile final : public File {
public:
    EventFile(RefPtr<Inode> inode, std::uint32_t flags, std::uint64_t initial, bool semaphore)
        : File(FileKind::event, std::move(inode), flags), count_(initial), semaphore_(semaphore) {}

    Result<std::size_t> read(IoBuffer& to, std::optional<std::uint64_t>) override {
        if (to.remaining() < sizeof(std::uint64_t)) return Errno::einval;
        std::uint64_t value = 0;
        auto take = [&] {
            Guard guard(lock_);
            value = semaphore_ && count_ != 0 ? 1 : count_;
            count_ -= value;
            return value != 0;
        };
        if (!take()) {
            if (is_non_blocking()) return Errno::eagain;
            HUSK_TRY(thread::wait_until(queue_, thread::Deadline::never(), take));
        }
        room_.wake_all();
        // Watchers for POLLOUT, and the next reader of a semaphore that is still above zero.
        queue_.wake_one();
        HUSK_TRY(to.put(&value, sizeof value));
        return sizeof value;
    }

    Result<std::size_t> write(IoBuffer& from, std::optional<std::uint64_t>) override {
        if (from.remaining() < sizeof(std::uint64_t)) return Errno::einval;
        std::uint64_t value;
        HUSK_TRY(from.take(&value, sizeof value));
        if (value == UINT64_MAX) return Errno::einval;
        auto add = [&] {
            Guard guard(lock_);
            if (value > most - count_) return false;
            count_ += value;
            return true;
        };
        if (!add()) {
            if (is_non_blocking()) return Errno::eagain;
            HUSK_TRY(thread::wait_until(room_, thread::Deadline::never(), add));
        }
        queue_.wake_one();
        return sizeof value;
    }

    // As in Linux, without an effect.
    Result<std::uint64_t> seek(std::int64_t, int) override { return 0; }

    unsigned poll(unsigned) override {
        Guard guard(lock_);
        return (count_ != 0 ? poll_bit::in : 0) | (count_ < most ? poll_bit::out : 0);
    }
    thread::WaitQueue* wait_queue() override { return &queue_; }

private:
    static constexpr std::uint64_t most = UINT64_MAX - 1;

    Spinlock lock_;
    std::uint64_t count_;
    bool semaphore_;
    thread::WaitQueue queue_;
    thread::WaitQueue room_;  // writers that wait for the counter to sink
};

}  // namespace

Result<RefPtr<File>> make_event_file(std::uint32_t initial, bool semaphore, std::uint32_t flags) {
    RefPtr<Inode> inode = HUSK_TRY(make_anonymous_inode("[eventfd]"));
    return make_ref_as<File, EventFile>(std::move(inode), flags | open_flag::read_write, initial, semaphore);
}

}  // namespace husk::fs
