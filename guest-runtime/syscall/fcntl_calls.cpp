// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/memory_file.hpp"
#include "guest-runtime/fs/pipe.hpp"
#include "guest-runtime/syscall/descriptor_calls.hpp"

namespace husk::sys {

namespace {

namespace command {
constexpr int duplicate = 0, get_descriptor = 1, set_descriptor = 2, get_status = 3, set_status = 4;
constexpr int get_lock = 5, set_lock = 6, set_lock_wait = 7, set_owner = 8, get_owner = 9;
constexpr int get_open_lock = 36, set_open_lock = 37, set_open_lock_wait = 38;  // F_OFD_*
constexpr int duplicate_close_on_exec = 1030, set_pipe_size = 1031, get_pipe_size = 1032;
constexpr int add_seals = 1033, get_seals = 1034;
}  // namespace command

// struct flock
struct LinuxLock {
    std::int16_t type;
    std::int16_t whence;
    std::int32_t padding;
    std::int64_t start;
    std::int64_t length;
    std::int32_t pid;
    std::int32_t padding_end;
};
static_assert(sizeof(LinuxLock) == 32);
constexpr std::int16_t lock_read = 0, lock_write = 1, lock_none = 2;

Result<fs::LockRange> range_of(fs::File& file, const LinuxLock& lock) {
    std::int64_t base = 0;
    switch (lock.whence) {
        case fs::seek_from::start:
            break;
        case fs::seek_from::current:
            base = static_cast<std::int64_t>(file.position());
            break;
        case fs::seek_from::end:
            base = static_cast<std::int64_t>(file.inode().size_bytes());
            break;
        default:
            return Errno::einval;
    }
    std::int64_t begin;
    std::int64_t end;
    if (__builtin_add_overflow(base, lock.start, &begin) || __builtin_add_overflow(begin, lock.length, &end)) {
        return Errno::eoverflow;
    }
    if (lock.length < 0) std::swap(begin, end);
    if (begin < 0) return Errno::einval;
    fs::LockRange range;
    range.begin = static_cast<std::uint64_t>(begin);
    range.end = lock.length == 0 ? UINT64_MAX : static_cast<std::uint64_t>(end);
    range.kind = fs::LockKind::range;
    range.owner = &file;
    switch (lock.type) {
        case lock_read:
            range.mode = fs::LockMode::shared;
            break;
        case lock_write:
            range.mode = fs::LockMode::exclusive;
            break;
        case lock_none:
            range.mode = fs::LockMode::none;
            break;
        default:
            return Errno::einval;
    }
    return range;
}

Result<> control_lock(fs::File& file, int what, UserPtr<LinuxLock> pointer) {
    LinuxLock lock = HUSK_TRY(pointer.load());
    fs::LockRange range = HUSK_TRY(range_of(file, lock));
    bool asks = what == command::get_lock || what == command::get_open_lock;
    if (what >= command::get_open_lock && lock.pid != 0) return Errno::einval;
    if (asks) {
        if (range.mode == fs::LockMode::none) return Errno::einval;
        fs::LockRange other = what == command::get_open_lock ? file.inode().locks().conflict(range) : fs::LockRange{};
        if (other.mode == fs::LockMode::none) {
            lock.type = lock_none;
        } else {
            lock.type = other.mode == fs::LockMode::shared ? lock_read : lock_write;
            lock.whence = fs::seek_from::start;
            lock.start = static_cast<std::int64_t>(other.begin);
            lock.length = other.end == UINT64_MAX ? 0 : static_cast<std::int64_t>(other.end - other.begin);
            lock.pid = -1;
        }
        return pointer.store(lock);
    }
    if (range.mode == fs::LockMode::shared && !file.is_readable()) return Errno::ebadf;
    if (range.mode == fs::LockMode::exclusive && !file.is_writable()) return Errno::ebadf;
    // POSIX locks belong to the one process and never meet another's.
    if (what == command::set_lock || what == command::set_lock_wait) return {};
    return file.inode().locks().set(range, what == command::set_open_lock_wait);
}

Result<int> duplicate(int fd, std::uint64_t lowest, bool close_on_exec) {
    RefPtr<fs::File> file = HUSK_TRY(fs::place_of(fd));
    if (lowest >= fs::descriptors().limit()) return Errno::einval;
    return fs::descriptors().add(std::move(file), close_on_exec, static_cast<int>(lowest));
}

Result<long> control(const Call& call) {
    int fd = call.fd(0);
    int what = call.integer(1);
    RefPtr<fs::File> file = HUSK_TRY(fs::place_of(fd));
    switch (what) {
        case command::duplicate:
            return HUSK_TRY(duplicate(fd, call[2], false));
        case command::duplicate_close_on_exec:
            return HUSK_TRY(duplicate(fd, call[2], true));
        case command::get_descriptor:
            return HUSK_TRY(fs::descriptors().close_on_exec(fd)) ? 1 : 0;
        case command::set_descriptor:
            HUSK_TRY(fs::descriptors().set_close_on_exec(fd, (call[2] & 1) != 0));
            return 0;
        case command::get_status:
            return file->flags();
        default:
            break;
    }
    if (file->kind() == fs::FileKind::path) return Errno::ebadf;
    switch (what) {
        case command::set_status: {
            auto wanted = static_cast<std::uint32_t>(call[2]) & fs::open_flag::settable;
            file->set_flags((file->flags() & ~fs::open_flag::settable) | wanted);
            return 0;
        }
        case command::get_lock:
        case command::set_lock:
        case command::set_lock_wait:
        case command::get_open_lock:
        case command::set_open_lock:
        case command::set_open_lock_wait:
            HUSK_TRY(control_lock(*file, what, call.pointer<LinuxLock>(2)));
            return 0;
        case command::set_owner:
        case command::get_owner:
            return 0;
        case command::set_pipe_size:
            return HUSK_TRY(fs::set_pipe_capacity(*file, call[2]));
        case command::get_pipe_size:
            return HUSK_TRY(fs::pipe_capacity(*file));
        case command::add_seals:
            HUSK_TRY(fs::add_seals(*file, static_cast<std::uint32_t>(call[2])));
            return 0;
        case command::get_seals:
            return HUSK_TRY(fs::seals_of(*file));
        default:
            return Errno::einval;
    }
}

}  // namespace

SysResult sys_fcntl(const Call& call) { return control(call); }

SysResult sys_flock(const Call& call) {
    constexpr std::uint64_t shared = 1, exclusive = 2, no_wait = 4, unlock = 8;
    auto file = fs::file_of(call.fd(0));
    if (!file.ok()) return file.error();
    fs::LockRange range;
    range.owner = file.value().get();
    switch (call[1] & ~no_wait) {
        case shared:
            range.mode = fs::LockMode::shared;
            break;
        case exclusive:
            range.mode = fs::LockMode::exclusive;
            break;
        case unlock:
            range.mode = fs::LockMode::none;
            break;
        default:
            return Errno::einval;
    }
    return file.value()->inode().locks().set(range, (call[1] & no_wait) == 0);
}

}  // namespace husk::sys
