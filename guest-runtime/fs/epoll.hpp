// SPDX-License-Identifier: Apache-2.0
// An epoll instance: a set of watched descriptions, and the list of those that may be ready.
//
// A watch sits in its file's wait queue. When the file wakes it, it goes to the ready list; wait() asks each listed
// file what holds, reports that, and puts level-triggered watches back. So wait() costs what is ready, not what is
// watched.
#pragma once

#include <cstdint>

#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/fs/file.hpp"
#include "guest-runtime/thread/mutex.hpp"

namespace husk::fs {

// struct epoll_event, packed as on x86-64.
struct [[gnu::packed]] EpollEvent {
    std::uint32_t events;
    std::uint64_t data;
};
static_assert(sizeof(EpollEvent) == 12);

namespace epoll_bit {
inline constexpr std::uint32_t exclusive = 1u << 28;
inline constexpr std::uint32_t wake_up = 1u << 29;
inline constexpr std::uint32_t one_shot = 1u << 30;
inline constexpr std::uint32_t edge = 1u << 31;
inline constexpr std::uint32_t modes = exclusive | wake_up | one_shot | edge;
}  // namespace epoll_bit

class Epoll;

class EpollWatch final : public thread::Waiter,
                         public ListNode<struct EpollReadyTag>,
                         public ListNode<struct FileWatchTag> {
public:
    EpollWatch(Epoll& owner, File& file, int fd, const EpollEvent& wanted)
        : Waiter(stands_for_others(wanted.events)),
          owner_(owner),
          file_(file),
          fd_(fd),
          events_(wanted.events | always_reported),
          data_(wanted.data) {}
    bool on_wake() override;

    // Needs no asking.
    static constexpr std::uint32_t always_reported = poll_bit::error | poll_bit::hang_up;

private:
    friend class Epoll;

    // EPOLLEXCLUSIVE. A wake-up does not say whether it is for bytes or for room, so only those take turns that all
    // wait for the same.
    static constexpr bool stands_for_others(std::uint32_t events) {
        return (events & epoll_bit::exclusive) != 0 && (events & (poll_bit::in | poll_bit::out)) == poll_bit::in;
    }

    Epoll& owner_;
    File& file_;  // the watch ends before the file does (File::on_last_close)
    int fd_;
    std::uint32_t events_;  // without poll bits: a one-shot watch that has fired and rests
    std::uint64_t data_;
    EpollWatch* next_in_bucket_ = nullptr;
    std::uint64_t told_in_ = 0;  // of the owner's collections_
};

class Epoll final : public File {
public:
    explicit Epoll(RefPtr<Inode> inode) : File(FileKind::epoll, std::move(inode), open_flag::read_write) {}
    ~Epoll() override;

    // EEXIST, ENOENT, EPERM (the file cannot be waited for), ELOOP, EINVAL as epoll_ctl(2) says.
    Result<> add(File& file, int fd, const EpollEvent& wanted);
    Result<> modify(File& file, int fd, const EpollEvent& wanted);
    Result<> remove(File& file, int fd);
    // Up to `room` events; 0 at the deadline. EFAULT when not even one can be stored; none is lost by that.
    Result<std::size_t> wait(UserPtr<EpollEvent> to, std::size_t room, thread::Deadline deadline);

    // As in Linux, without an effect.
    Result<std::uint64_t> seek(std::int64_t, int) override { return 0; }
    unsigned poll(unsigned wanted) override;
    thread::WaitQueue* wait_queue() override { return &watchers_; }

    // Ends every watch of a file that is being closed.
    static void forget(File& file);

private:
    friend class EpollWatch;

    [[nodiscard]] EpollWatch** find(File& file, int fd);
    Result<> grow();
    [[nodiscard]] std::size_t bucket_of(const File& file, int fd) const;
    [[nodiscard]] bool reaches(const Epoll& target, unsigned depth);
    bool note_event(EpollWatch& watch);
    void list_if_ready(EpollWatch& watch);
    // wait() once, without sleeping.
    Result<std::size_t> collect(UserPtr<EpollEvent> to, std::size_t room);
    void count_sleepers(int change);
    void end(EpollWatch** place);

    thread::Mutex mutex_;  // the set and the watches' settings
    HeapArray<EpollWatch*> buckets_;
    std::size_t count_ = 0;
    std::uint64_t collections_ = 0;

    Spinlock ready_lock_;
    List<EpollWatch, EpollReadyTag> ready_;
    int sleeping_ = 0;  // threads that look at ready_ before they sleep; under its lock
    thread::WaitQueue sleepers_;
    thread::WaitQueue watchers_;
};

Result<RefPtr<File>> make_epoll();

}  // namespace husk::fs
