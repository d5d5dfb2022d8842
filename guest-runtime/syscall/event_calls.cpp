// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/event_calls.hpp"

#include <algorithm>

#include "guest-runtime/base/random.hpp"
#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/event_file.hpp"
#include "guest-runtime/fs/memory_file.hpp"
#include "guest-runtime/fs/path.hpp"
#include "guest-runtime/fs/pipe.hpp"
#include "guest-runtime/fs/signal_file.hpp"
#include "guest-runtime/thread/signal.hpp"

namespace husk::sys {

namespace {

constexpr std::uint64_t common_flags = fs::open_flag::close_on_exec | fs::open_flag::non_block;

bool closes_on_exec(std::uint64_t flags) { return (flags & fs::open_flag::close_on_exec) != 0; }
std::uint32_t blocking_mode(std::uint64_t flags) {
    return static_cast<std::uint32_t>(flags) & fs::open_flag::non_block;
}

Result<> make_pipe(UserPtr<std::int32_t> to, std::uint64_t flags) {
    // Packets (O_DIRECT) are not served.
    if ((flags & ~common_flags) != 0) return Errno::einval;
    fs::PipeEnds ends = HUSK_TRY(fs::make_pipe(blocking_mode(flags)));
    std::int32_t fds[2];
    fds[0] = HUSK_TRY(fs::descriptors().add(std::move(ends.reader), closes_on_exec(flags)));
    auto writer = fs::descriptors().add(std::move(ends.writer), closes_on_exec(flags));
    if (!writer.ok()) {
        (void)fs::descriptors().close(fds[0]);
        return writer.error();
    }
    fds[1] = writer.value();
    auto stored = copy_out(to.address(), fds, sizeof fds);
    if (!stored.ok()) {
        (void)fs::descriptors().close(fds[0]);
        (void)fs::descriptors().close(fds[1]);
    }
    return stored;
}

Result<int> make_event(std::uint64_t initial, std::uint64_t flags) {
    constexpr std::uint64_t semaphore = 1;
    if ((flags & ~(common_flags | semaphore)) != 0) return Errno::einval;
    RefPtr<fs::File> file = HUSK_TRY(
        fs::make_event_file(static_cast<std::uint32_t>(initial), (flags & semaphore) != 0, blocking_mode(flags)));
    return fs::descriptors().add(std::move(file), closes_on_exec(flags));
}

Result<int> make_or_change_signal_file(const Call& call, std::uint64_t flags) {
    if ((flags & ~common_flags) != 0 || call[2] != sizeof(std::uint64_t)) return Errno::einval;
    std::uint64_t mask = HUSK_TRY(call.pointer<std::uint64_t>(1).load()) & ~thread::unblockable;
    if (call.fd(0) == -1) {
        RefPtr<fs::File> file = HUSK_TRY(fs::make_signal_file(mask, blocking_mode(flags)));
        return fs::descriptors().add(std::move(file), closes_on_exec(flags));
    }
    RefPtr<fs::File> file = HUSK_TRY(fs::file_of(call.fd(0)));
    if (file->kind() != fs::FileKind::signal) return Errno::einval;
    static_cast<fs::SignalFile&>(*file).set_mask(mask);
    return call.fd(0);
}

Result<int> make_memory_file(const Call& call) {
    constexpr std::uint64_t close_on_exec = 1, may_be_sealed = 2;
    constexpr std::size_t longest_name = 249;
    if ((call[1] & ~(close_on_exec | may_be_sealed)) != 0) return Errno::einval;
    fs::UserPath name;
    auto copied = name.copy_from(call.pointer<const char>(0));
    if (!copied.ok()) return copied.error() == Errno::enametoolong ? Errno::einval : copied.error();
    if (name.view().size() > longest_name) return Errno::einval;
    RefPtr<fs::File> file = HUSK_TRY(fs::make_memory_file(name.view(), (call[1] & may_be_sealed) != 0));
    return fs::descriptors().add(std::move(file), (call[1] & close_on_exec) != 0);
}

Result<std::size_t> get_random(std::uint64_t to, std::uint64_t size_bytes, std::uint64_t flags) {
    constexpr std::uint64_t non_block = 1, random = 2, insecure = 4;
    if ((flags & ~(non_block | random | insecure)) != 0 || (flags & (random | insecure)) == (random | insecure)) {
        return Errno::einval;
    }
    std::size_t wanted = std::min<std::uint64_t>(size_bytes, INT32_MAX);
    std::byte bytes[256];
    std::size_t done = 0;
    while (done < wanted) {
        std::size_t piece = std::min(wanted - done, sizeof bytes);
        fill_random(std::span(bytes, piece));
        auto copied = copy_out(to + done, bytes, piece);
        if (!copied.ok()) return done != 0 ? Result<std::size_t>(done) : copied.error();
        done += piece;
    }
    return done;
}

}  // namespace

SysResult sys_pipe(const Call& call) { return make_pipe(call.pointer<std::int32_t>(0), 0); }
SysResult sys_pipe2(const Call& call) { return make_pipe(call.pointer<std::int32_t>(0), call[1]); }
SysResult sys_eventfd(const Call& call) { return make_event(call[0], 0); }
SysResult sys_eventfd2(const Call& call) { return make_event(call[0], call[1]); }
SysResult sys_signalfd(const Call& call) { return make_or_change_signal_file(call, 0); }
SysResult sys_signalfd4(const Call& call) { return make_or_change_signal_file(call, call[3]); }
SysResult sys_memfd_create(const Call& call) { return make_memory_file(call); }
SysResult sys_getrandom(const Call& call) { return get_random(call[0], call[1], call[2]); }

}  // namespace husk::sys
