// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/signal_file.hpp"

#include "guest-runtime/fs/anonymous_inode.hpp"
#include "guest-runtime/fs/make_ref_as.hpp"
#include "guest-runtime/thread/signal_state.hpp"

namespace husk::fs {

namespace {

// struct signalfd_siginfo
struct LinuxSignalRecord {
    std::uint32_t number;
    std::int32_t error;
    std::int32_t code;
    std::uint32_t pid;
    std::uint32_t uid;
    std::int32_t fd;
    std::uint32_t timer_id;
    std::uint32_t band;
    std::uint32_t overrun;
    std::uint32_t trap;
    std::int32_t status;
    std::int32_t integer;
    std::uint64_t pointer;
    std::uint64_t user_time;
    std::uint64_t system_time;
    std::uint64_t address;
    std::uint8_t padding[48];
};
static_assert(sizeof(LinuxSignalRecord) == 128 && offsetof(LinuxSignalRecord, pointer) == 48);

LinuxSignalRecord record_of(const thread::SignalInfo& info) {
    LinuxSignalRecord record = {};
    record.number = static_cast<std::uint32_t>(info.number);
    record.error = info.error;
    record.code = info.code;
    if (info.code == thread::si_timer) {
        record.timer_id = static_cast<std::uint32_t>(info.timer.id);
        record.overrun = static_cast<std::uint32_t>(info.timer.overrun);
        record.pointer = info.timer.value;
    } else {
        record.pid = static_cast<std::uint32_t>(info.sender.pid);
        record.uid = info.sender.uid;
        record.pointer = info.sender.value;
    }
    record.integer = static_cast<std::int32_t>(record.pointer);
    return record;
}

}  // namespace

Result<std::size_t> SignalFile::read(IoBuffer& to, std::optional<std::uint64_t>) {
    if (to.remaining() < sizeof(LinuxSignalRecord)) return Errno::einval;
    thread::SignalInfo info;
    auto take = [&] { return thread::take_pending(mask_.load(std::memory_order_relaxed), info); };
    std::size_t done = 0;
    if (!take()) {
        if (is_non_blocking()) return Errno::eagain;
        HUSK_TRY(thread::wait_until(thread::signal_arrivals(), thread::Deadline::never(), take));
    }
    do {
        LinuxSignalRecord record = record_of(info);
        if (auto copied = to.put(&record, sizeof record); !copied.ok()) {
            return done != 0 ? Result<std::size_t>(done) : copied.error();
        }
        done += sizeof record;
    } while (to.remaining() >= sizeof(LinuxSignalRecord) && take());
    return done;
}

unsigned SignalFile::poll(unsigned) {
    return (thread::pending_set() & mask_.load(std::memory_order_relaxed)) != 0 ? poll_bit::in : 0;
}

thread::WaitQueue* SignalFile::wait_queue() { return &thread::signal_arrivals(); }

Result<RefPtr<File>> make_signal_file(std::uint64_t mask, std::uint32_t flags) {
    RefPtr<Inode> inode = HUSK_TRY(make_anonymous_inode("[signalfd]"));
    return make_ref_as<File, SignalFile>(std::move(inode), flags, mask);
}

}  // namespace husk::fs
