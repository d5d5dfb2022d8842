// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/epoll_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/epoll.hpp"
#include "guest-runtime/syscall/optional_mask.hpp"
#include "guest-runtime/syscall/time_types.hpp"

namespace husk::sys {

namespace {

using thread::Deadline;

Result<int> create(bool close_on_exec) {
    RefPtr<fs::File> file = HUSK_TRY(fs::make_epoll());
    return fs::descriptors().add(std::move(file), close_on_exec);
}

Result<RefPtr<fs::File>> epoll_of(int fd) {
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(fd));
    if (file->kind() != fs::FileKind::epoll) return Errno::einval;
    return file;
}

Result<> control(const Call& call) {
    constexpr int add = 1, remove = 2, modify = 3;
    constexpr std::uint32_t with_exclusive = fs::epoll_bit::exclusive | fs::epoll_bit::wake_up | fs::epoll_bit::edge |
                                             fs::poll_bit::in | fs::poll_bit::out | fs::poll_bit::error |
                                             fs::poll_bit::hang_up;
    int operation = call.integer(1);
    fs::EpollEvent wanted = {};
    if (operation != remove) wanted = HUSK_TRY(call.pointer<fs::EpollEvent>(3).load());
    // A wrong descriptor is EBADF before a wrong kind of file is EINVAL.
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(call.fd(0)));
    RefPtr<fs::File> target = HUSK_TRY(fs::file_of(call.fd(2)));
    if (target->wait_queue() == nullptr) return Errno::eperm;
    if (file->kind() != fs::FileKind::epoll || file == target) return Errno::einval;
    bool exclusive = (wanted.events & fs::epoll_bit::exclusive) != 0;
    if (exclusive &&
        (operation == modify || target->kind() == fs::FileKind::epoll || (wanted.events & ~with_exclusive) != 0)) {
        return Errno::einval;
    }
    auto& epoll = static_cast<fs::Epoll&>(*file);
    switch (operation) {
        case add:
            return epoll.add(*target, call.fd(2), wanted);
        case remove:
            return epoll.remove(*target, call.fd(2));
        case modify:
            return epoll.modify(*target, call.fd(2), wanted);
        default:
            return Errno::einval;
    }
}

Result<std::size_t> wait(const Call& call, Deadline deadline) {
    constexpr int most = INT32_MAX / static_cast<int>(sizeof(fs::EpollEvent));
    if (call.integer(2) <= 0 || call.integer(2) > most) return Errno::einval;
    RefPtr<fs::File> file = HUSK_TRY(epoll_of(call.fd(0)));
    auto room = static_cast<std::size_t>(call.integer(2));
    return static_cast<fs::Epoll&>(*file).wait(call.pointer<fs::EpollEvent>(1), room, deadline);
}

Result<std::size_t> wait_masked(const Call& call, Deadline deadline) {
    std::optional<thread::TemporaryMask> mask;
    HUSK_TRY(apply_mask(mask, call.pointer<std::uint64_t>(4), call[5]));
    return wait(call, deadline);
}

Result<std::size_t> wait_masked_precisely(const Call& call) {
    auto pointer = call.pointer<TimeSpec>(3);
    if (!pointer) return wait_masked(call, Deadline::never());
    TimeSpec timeout = HUSK_TRY(pointer.load());
    if (!timeout.is_valid()) return Errno::einval;
    return wait_masked(call,
                       timeout.total_ns() == 0 ? Deadline::immediately() : Deadline::after_ns(timeout.total_ns()));
}

Deadline deadline_after_ms(int timeout_ms) {
    if (timeout_ms < 0) return Deadline::never();
    if (timeout_ms == 0) return Deadline::immediately();
    return Deadline::after_ns(static_cast<std::uint64_t>(timeout_ms) * 1'000'000);
}

}  // namespace

SysResult sys_epoll_create(const Call& call) {
    return call.integer(0) > 0 ? SysResult(create(false)) : SysResult(Errno::einval);
}
SysResult sys_epoll_create1(const Call& call) {
    if ((call[0] & ~std::uint64_t{fs::open_flag::close_on_exec}) != 0) return Errno::einval;
    return create(call[0] != 0);
}
SysResult sys_epoll_ctl(const Call& call) { return control(call); }
SysResult sys_epoll_wait(const Call& call) { return wait(call, deadline_after_ms(call.integer(3))); }
SysResult sys_epoll_pwait(const Call& call) { return wait_masked(call, deadline_after_ms(call.integer(3))); }
SysResult sys_epoll_pwait2(const Call& call) { return wait_masked_precisely(call); }

}  // namespace husk::sys
