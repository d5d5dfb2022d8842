// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/timer_file.hpp"

#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"

namespace husk::fs {

void TimerFile::on_expiry() {
    std::uint64_t now = thread::monotonic_ns();
    {
        Guard guard(lock_);
        if (due_ns_ == 0 || due_ns_ > now) return;  // set anew meanwhile
        if (interval_ns_ == 0) {
            ++expirations_;
            due_ns_ = 0;
        } else {
            std::uint64_t passed = 1 + (now - due_ns_) / interval_ns_;
            expirations_ += passed;
            due_ns_ += passed * interval_ns_;
            arm({due_ns_});
        }
    }
    queue_.wake_one();
}

TimerFile::Setting TimerFile::setting() {
    Guard guard(lock_);
    return setting_at(thread::monotonic_ns());
}

// With lock_ held.
TimerFile::Setting TimerFile::setting_at(std::uint64_t now) const {
    if (due_ns_ == 0) return {0, interval_ns_};
    return {due_ns_ > now ? due_ns_ - now : 1, interval_ns_};
}

TimerFile::Setting TimerFile::set(thread::Deadline first, std::uint64_t interval_ns) {
    Guard guard(lock_);
    Setting old = setting_at(thread::monotonic_ns());
    expirations_ = 0;
    due_ns_ = first.is_never() ? 0 : (first.ns != 0 ? first.ns : 1);
    interval_ns_ = interval_ns;
    arm(due_ns_ != 0 ? thread::Deadline{due_ns_} : thread::Deadline::never());
    return old;
}

Result<std::size_t> TimerFile::read(IoBuffer& to, std::optional<std::uint64_t>) {
    if (to.remaining() < sizeof(std::uint64_t)) return Errno::einval;
    std::uint64_t count = 0;
    auto take = [&] {
        Guard guard(lock_);
        count = std::exchange(expirations_, 0);
        return count != 0;
    };
    if (!take()) {
        if (is_non_blocking()) return Errno::eagain;
        HUSK_TRY(thread::wait_until(queue_, thread::Deadline::never(), take));
    }
    HUSK_TRY(to.put(&count, sizeof count));
    return sizeof count;
}

unsigned TimerFile::poll(unsigned) {
    Guard guard(lock_);
    return expirations_ != 0 ? poll_bit::in : 0;
}

Result<RefPtr<File>> make_timer_file(int clock, std::uint32_t flags) {
    RefPtr<Inode> inode = HUSK_TRY(make_anonymous_inode("[timerfd]"));
    return make_ref_as<File, TimerFile>(std::move(inode), flags, clock);
}

}  // namespace husk::fs
