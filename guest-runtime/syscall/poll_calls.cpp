// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/poll_calls.hpp"

#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/heap_array.hpp"
#include "guest-runtime/fs/poll_set.hpp"
#include "guest-runtime/syscall/optional_mask.hpp"
#include "guest-runtime/syscall/time_types.hpp"
#include "guest-runtime/thread/kept_deadline.hpp"

namespace husk::sys {

namespace {

using thread::Deadline;

// struct pollfd
struct PollFd {
    std::int32_t fd;
    std::uint16_t events;
    std::uint16_t revents;
};
static_assert(sizeof(PollFd) == 8);

constexpr std::size_t few = 16;

Result<std::size_t> poll_list(UserPtr<PollFd> list, std::uint64_t raw_count, Deadline deadline) {
    std::size_t count = static_cast<std::uint32_t>(raw_count);
    if (count > fs::descriptors().limit()) return Errno::einval;
    PollFd few_fds[few];
    fs::PollItem few_items[few];
    fs::HeapArray<PollFd> many_fds;
    fs::HeapArray<fs::PollItem> many_items;
    std::span<PollFd> fds(few_fds);
    std::span<fs::PollItem> items(few_items);
    if (count > few) {
        many_fds = HUSK_TRY(fs::HeapArray<PollFd>::create(count));
        many_items = HUSK_TRY(fs::HeapArray<fs::PollItem>::create(count));
        fds = many_fds.span();
        items = many_items.span();
    }
    fds = fds.first(count);
    items = items.first(count);
    if (count != 0) HUSK_TRY(copy_in(fds.data(), list.address(), fds.size_bytes()));
    for (std::size_t i = 0; i < count; ++i) items[i] = {fds[i].fd, fds[i].events, 0};
    std::size_t found = HUSK_TRY(fs::poll_files(items, deadline));
    for (std::size_t i = 0; i < count; ++i) fds[i].revents = static_cast<std::uint16_t>(items[i].found);
    if (count != 0) HUSK_TRY(copy_out(list.address(), fds.data(), fds.size_bytes()));
    return found;
}

// The three sets of select(2) as bits by descriptor.
struct SelectSets {
    static constexpr unsigned kinds = 3;
    static constexpr unsigned wanted_bits[kinds] = {fs::poll_bit::readable | fs::poll_bit::read_band,
                                                    fs::poll_bit::writable | fs::poll_bit::write_band,
                                                    fs::poll_bit::priority};
    static constexpr unsigned found_bits[kinds] = {wanted_bits[0] | fs::poll_bit::hang_up | fs::poll_bit::error,
                                                   wanted_bits[1] | fs::poll_bit::error, wanted_bits[2]};

    std::uint64_t addresses[kinds];
    fs::HeapArray<std::uint64_t> words[kinds];
    std::size_t word_count = 0;

    Result<> load(std::size_t descriptor_count) {
        word_count = (descriptor_count + 63) / 64;
        for (unsigned kind = 0; kind < kinds; ++kind) {
            words[kind] = HUSK_TRY(fs::HeapArray<std::uint64_t>::create(word_count));
            for (std::uint64_t& word : words[kind].span()) word = 0;
            if (addresses[kind] == 0 || word_count == 0) continue;
            HUSK_TRY(copy_in(words[kind].data(), addresses[kind], word_count * sizeof(std::uint64_t)));
        }
        return {};
    }
    Result<> store() {
        for (unsigned kind = 0; kind < kinds; ++kind) {
            if (addresses[kind] == 0 || word_count == 0) continue;
            HUSK_TRY(copy_out(addresses[kind], words[kind].data(), word_count * sizeof(std::uint64_t)));
        }
        return {};
    }
    [[nodiscard]] unsigned wanted(std::size_t fd) const {
        unsigned bits = 0;
        for (unsigned kind = 0; kind < kinds; ++kind) {
            if ((words[kind][fd / 64] >> (fd % 64) & 1) != 0) bits |= wanted_bits[kind];
        }
        return bits;
    }
    // Replaces what was asked for `fd` by what was found; returns how many sets it is in.
    unsigned replace(std::size_t fd, unsigned wanted, unsigned found) {
        unsigned count = 0;
        for (unsigned kind = 0; kind < kinds; ++kind) {
            std::uint64_t bit = std::uint64_t{1} << (fd % 64);
            words[kind][fd / 64] &= ~bit;
            if ((wanted & wanted_bits[kind]) == 0 || (found & found_bits[kind]) == 0) continue;
            words[kind][fd / 64] |= bit;
            ++count;
        }
        return count;
    }
};

Result<std::size_t> select_sets(const Call& call, Deadline deadline) {
    if (call.integer(0) < 0) return Errno::einval;
    std::size_t count = std::min<std::size_t>(static_cast<std::size_t>(call.integer(0)), fs::descriptors().limit());
    SelectSets sets{{call[1], call[2], call[3]}, {}, 0};
    HUSK_TRY(sets.load(count));
    std::size_t item_count = 0;
    for (std::size_t fd = 0; fd < count; ++fd) item_count += sets.wanted(fd) != 0 ? 1 : 0;
    auto items = HUSK_TRY(fs::HeapArray<fs::PollItem>::create(item_count));
    for (std::size_t fd = 0, next = 0; fd < count; ++fd) {
        if (unsigned wanted = sets.wanted(fd)) items[next++] = {static_cast<int>(fd), wanted, 0};
    }
    for (const fs::PollItem& item : items.span()) HUSK_TRY(fs::file_of(item.fd));
    HUSK_TRY(fs::poll_files(items.span(), deadline));
    std::size_t found = 0;
    for (const fs::PollItem& item : items.span()) {
        found += sets.replace(static_cast<std::size_t>(item.fd), item.wanted, item.found);
    }
    HUSK_TRY(sets.store());
    return found;
}

// What is left of a timeout goes back to the application, as Linux does it, and an interrupted call goes on with it.
// The memory may be read-only: then such a call ends.
template <class Time>
Result<std::size_t> store_remaining(UserPtr<Time> timeout, Deadline deadline, Result<std::size_t> found) {
    if (!timeout) return found;
    std::uint64_t now = thread::monotonic_ns();
    auto stored = timeout.store(Time::from_ns(deadline.ns > now ? deadline.ns - now : 0));
    if (!stored.ok() && !found.ok() && found.error() == Errno::erestart) return Errno::eintr;
    return found;
}

template <class Time>
Result<Deadline> deadline_of(UserPtr<Time> timeout) {
    if (!timeout) return Deadline::never();
    Time time = HUSK_TRY(timeout.load());
    if (!time.is_valid()) return Errno::einval;
    return time.total_ns() == 0 ? Deadline::immediately() : Deadline::after_ns(time.total_ns());
}

Result<std::size_t> poll_masked(const Call& call) {
    auto timeout = call.pointer<TimeSpec>(2);
    Deadline deadline = HUSK_TRY(deadline_of(timeout));
    std::optional<thread::TemporaryMask> mask;
    HUSK_TRY(apply_mask(mask, call.pointer<std::uint64_t>(3), call[4]));
    return store_remaining(timeout, deadline, poll_list(call.pointer<PollFd>(0), call[1], deadline));
}

Result<std::size_t> select_timed(const Call& call) {
    auto timeout = call.pointer<TimeVal>(4);
    Deadline deadline = HUSK_TRY(deadline_of(timeout));
    return store_remaining(timeout, deadline, select_sets(call, deadline));
}

Result<std::size_t> select_masked(const Call& call) {
    struct MaskArgument {
        std::uint64_t mask;
        std::uint64_t size_bytes;
    };
    auto timeout = call.pointer<TimeSpec>(4);
    Deadline deadline = HUSK_TRY(deadline_of(timeout));
    std::optional<thread::TemporaryMask> mask;
    if (auto pointer = call.pointer<MaskArgument>(5)) {
        MaskArgument argument = HUSK_TRY(pointer.load());
        HUSK_TRY(apply_mask(mask, UserPtr<std::uint64_t>(argument.mask), argument.size_bytes));
    }
    return store_remaining(timeout, deadline, select_sets(call, deadline));
}

Deadline deadline_after_ms(int timeout_ms) {
    if (timeout_ms < 0) return Deadline::never();
    if (timeout_ms == 0) return Deadline::immediately();
    return Deadline::after_ns(static_cast<std::uint64_t>(timeout_ms) * 1'000'000);
}

}  // namespace

SysResult sys_poll(const Call& call) {
    Deadline deadline = thread::kept_or(deadline_after_ms(call.integer(2)));
    auto found = poll_list(call.pointer<PollFd>(0), call[1], deadline);
    if (!found.ok() && found.error() == Errno::erestart) return thread::keep(deadline);
    return found;
}
SysResult sys_ppoll(const Call& call) { return poll_masked(call); }
SysResult sys_select(const Call& call) { return select_timed(call); }
SysResult sys_pselect6(const Call& call) { return select_masked(call); }

}  // namespace husk::sys
