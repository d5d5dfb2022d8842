// SPDX-License-Identifier: Apache-2.0
// timerfd(2): a timer whose expirations are read.
#pragma once

#include <cstdint>

#include "guest-runtime/fs/file.hpp"
#include "guest-runtime/thread/timer.hpp"

namespace husk::fs {

class TimerFile final : public File, private thread::Timer {
public:
    // `clock` is kept for whoever sets the timer.
    TimerFile(RefPtr<Inode> inode, std::uint32_t flags, int clock)
        : File(FileKind::timer, std::move(inode), flags | open_flag::read_write), clock_(clock) {}
    ~TimerFile() override { disarm(); }

    struct Setting {
        std::uint64_t remaining_ns;  // 0: not armed
        std::uint64_t interval_ns;   // 0: once
    };
    [[nodiscard]] int clock() const { return clock_; }
    [[nodiscard]] Setting setting();
    // never(): disarms. Returns what was set before.
    Setting set(thread::Deadline first, std::uint64_t interval_ns);

    Result<std::size_t> read(IoBuffer& to, std::optional<std::uint64_t> offset) override;
    // As in Linux, without an effect.
    Result<std::uint64_t> seek(std::int64_t, int) override { return 0; }
    unsigned poll(unsigned wanted) override;
    thread::WaitQueue* wait_queue() override { return &queue_; }

private:
    void on_expiry() override;
    [[nodiscard]] Setting setting_at(std::uint64_t now) const;

    Spinlock lock_;  // also for arming: the timer is armed for due_ns_
    std::uint64_t expirations_ = 0;
    std::uint64_t due_ns_ = 0;  // monotonic; 0: not armed
    std::uint64_t interval_ns_ = 0;
    int clock_;
    thread::WaitQueue queue_;
};

Result<RefPtr<File>> make_timer_file(int clock, std::uint32_t flags);

}  // namespace husk::fs
