// SPDX-License-Identifier: Apache-2.0
// epoll: level- and edge-triggered, once, and by one of several.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/guest/readiness.hpp"

using namespace conformance;

namespace {

void triggers() {
    scenario(SYS_epoll_wait, "level-triggered: for as long as it is so", [] {
        const Pair ends(true);
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, ends.a, EPOLLIN);
        watcher.ready("empty");
        needs(write(ends.b, "xy", 2));
        watcher.ready("two bytes");
        watcher.ready("again");
        needs(read(ends.a, buffer, 1));
        watcher.ready("one byte");
        needs(read(ends.a, buffer, 1));
        watcher.ready("empty");
    });
    scenario(SYS_epoll_wait, "edge-triggered: once for each change", [] {
        const Pair ends(false);
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, ends.a, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
        watcher.ready("added");
        watcher.ready("again");
        needs(write(ends.b, "x", 1));
        watcher.ready("a byte");
        watcher.ready("again");
        needs(write(ends.b, "y", 1));
        watcher.ready("one more, unread before it");
        needs(read(ends.a, buffer, 1));
        watcher.ready("one is read");
        watcher.set(EPOLL_CTL_MOD, ends.a, EPOLLIN | EPOLLET);
        watcher.ready("changed, a byte is there");
        shutdown(ends.b, SHUT_WR);
        watcher.ready("the other writes no more");
        watcher.ready("again");
    });
    scenario(SYS_epoll_wait, "edge-triggered: room in a pipe", [] {
        const Pair ends(true);
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, ends.b, EPOLLOUT | EPOLLET);
        watcher.ready("added");
        while (write(ends.b, buffer, 4096) > 0) {
        }
        watcher.ready("full");
        while (read(ends.a, buffer, sizeof buffer) > 0) {
        }
        watcher.ready("emptied");
        watcher.ready("again");
    });
    scenario(SYS_epoll_wait, "edge-triggered: an event written again", [] {
        const int event = made_event();
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, event, EPOLLIN | EPOLLET);
        eventfd_write(event, 1);
        watcher.ready("once");
        watcher.ready("again");
        eventfd_write(event, 1);
        watcher.ready("written again, unread");
        eventfd_t value;
        eventfd_read(event, &value);
        watcher.ready("read");
        close(event);
    });
    scenario(SYS_epoll_ctl, "EPOLLONESHOT: once until it is set again", [] {
        const Pair ends(true);
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, ends.a, EPOLLIN | EPOLLONESHOT);
        needs(write(ends.b, "x", 1));
        watcher.ready("a byte");
        watcher.ready("again");
        needs(write(ends.b, "x", 1));
        watcher.ready("one more");
        watcher.set(EPOLL_CTL_MOD, ends.a, EPOLLIN | EPOLLONESHOT);
        watcher.ready("set again");
        watcher.ready("again");
    });
    scenario(SYS_epoll_ctl, "hang-up and error come unasked", [] {
        Pair ends(true);
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, ends.a, 0);
        watcher.ready("nothing asked");
        close(ends.b);
        ends.b = -1;
        watcher.ready("the writer is gone");
    });
    scenario(SYS_epoll_ctl, "a closed descriptor goes, a copy keeps it", [] {
        const int event = made_event(1);
        const int copy = dup(event);
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, event, EPOLLIN);
        close(event);
        watcher.ready("a copy is left");
        close(copy);
        watcher.ready("none is left");
    });
    scenario(SYS_epoll_ctl, "the same file by two descriptors is two", [] {
        const int event = made_event(1);
        const int copy = dup(event);
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, event, EPOLLIN);
        watcher.set(EPOLL_CTL_ADD, copy, EPOLLIN);
        watcher.ready("ready");
        close(event);
        close(copy);
    });
    scenario(SYS_epoll_wait, "an epoll in an epoll; a loop is refused", [] {
        const int event = made_event();
        const Watcher inner, outer;
        inner.set(EPOLL_CTL_ADD, event, EPOLLIN);
        outer.set(EPOLL_CTL_ADD, inner.fd(), EPOLLIN);
        outer.ready("nothing");
        eventfd_write(event, 1);
        outer.ready("inner is ready");
        epoll_event watched{EPOLLIN, {}};
        answers("a loop", epoll_ctl(inner.fd(), EPOLL_CTL_ADD, outer.fd(), &watched));
        close(event);
    });
    scenario(SYS_epoll_wait, "an epoll in an edge-triggered one", [] {
        const int event = made_event();
        const Watcher inner, outer;
        inner.set(EPOLL_CTL_ADD, event, EPOLLIN);
        outer.set(EPOLL_CTL_ADD, inner.fd(), EPOLLIN | EPOLLET);
        for (int i = 0; i < 2; ++i) {
            eventfd_write(event, 1);
            outer.ready("an event");
            outer.ready("again");
            inner.ready("inner");
            eventfd_t value;
            eventfd_read(event, &value);
        }
        close(event);
    });
    scenario(SYS_epoll_wait, "turns: those not told come first the next time", [] {
        const int events[3] = {made_event(1), made_event(1), made_event(1)};
        const Watcher watcher;
        for (int fd : events) watcher.set(EPOLL_CTL_ADD, fd, EPOLLIN);
        for (int i = 0; i < 4; ++i) {
            epoll_event one;
            is("found", epoll_wait(watcher.fd(), &one, 1, 0));
            is("which", one.data.fd - events[0]);
        }
        for (int fd : events) close(fd);
    });
    scenario(SYS_epoll_wait, "waits for a change, an addition, a time", [] {
        const int event = made_event();
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, event, EPOLLIN);
        const auto wait = [&] {
            epoll_event one;
            return epoll_wait(watcher.fd(), &one, 1, -1);
        };
        Caller waiter(wait);
        waiter.waits();
        eventfd_write(event, 1);
        answers("a change", waiter.join());
        eventfd_t value;
        eventfd_read(event, &value);
        Caller second(wait);
        second.waits();
        const int late = made_event(1);
        watcher.set(EPOLL_CTL_ADD, late, EPOLLIN);
        answers("an addition", second.join());
        eventfd_read(late, &value);
        Stopwatch time;
        epoll_event one;
        answers("30 ms", epoll_wait(watcher.fd(), &one, 1, 30));
        holds("waited", time.ms() >= 30);
        const timespec short_time{0, 20'000'000};
        answers("20 ms", syscall(SYS_epoll_pwait2, watcher.fd(), &one, 1, &short_time, nullptr, 0));
        close(event);
        close(late);
    });
    scenario(SYS_epoll_wait, "two wait, one edge wakes one", [] {
        const int event = made_event();
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, event, EPOLLIN | EPOLLET);
        const auto wait = [&] {
            epoll_event one;
            return epoll_wait(watcher.fd(), &one, 1, -1);
        };
        Caller first(wait);
        first.sleeps();
        Caller second(wait);
        second.sleeps();
        eventfd_write(event, 1);
        while (!first.is_back() && !second.is_back()) rest_ms(1);
        rest_ms(20);
        is("back", int{first.is_back()} + int{second.is_back()});
        eventfd_write(event, 1);
        answers("first", first.join());
        answers("second", second.join());
        close(event);
    });
}

// Room for events: some that can be written, then none.
class EndOfMemory {
public:
    EndOfMemory() {
        void* pages = mmap(nullptr, 2 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED) needs(-1);
        pages_ = static_cast<char*>(pages);
        needs(mprotect(pages_ + page_bytes, page_bytes, PROT_NONE));
    }
    EndOfMemory(const EndOfMemory&) = delete;
    ~EndOfMemory() { munmap(pages_, 2 * page_bytes); }
    // SAFETY: only the kernel writes there.
    [[nodiscard]] epoll_event* before(std::size_t events) const {
        return reinterpret_cast<epoll_event*>(pages_ + page_bytes - events * sizeof(epoll_event));
    }

private:
    static constexpr std::size_t page_bytes = 4096;
    char* pages_;
};

void faults() {
    scenario(SYS_epoll_wait, "an event that cannot be told is told later", [] {
        const EndOfMemory memory;
        for (const unsigned mode : {0u, static_cast<unsigned>(EPOLLET), static_cast<unsigned>(EPOLLONESHOT)}) {
            const int events[3] = {made_event(1), made_event(1), made_event(1)};
            const Watcher watcher;
            for (int fd : events) watcher.set(EPOLL_CTL_ADD, fd, EPOLLIN | mode);
            answers("no room", epoll_wait(watcher.fd(), memory.before(0), 8, 0));
            answers("room for one", epoll_wait(watcher.fd(), memory.before(1), 8, 0));
            epoll_event rest[8];
            const int count = epoll_wait(watcher.fd(), rest, 8, 0);
            is("the rest", count);
            for (int i = 0; i < count; ++i) is("which", rest[i].data.fd - events[0]);
            for (int fd : events) close(fd);
        }
    });
}

}  // namespace

int main() {
    triggers();
    faults();
}
