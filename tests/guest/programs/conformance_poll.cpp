// SPDX-License-Identifier: Apache-2.0
// poll, select and epoll: which changes make what ready, once or for as long as it is so, and what a wait ends with.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

const timespec bad_time{0, 2'000'000'000}, no_time{0, 0};
const timeval bad_timeval{-1, 0};

int made_event(unsigned count = 0) { return static_cast<int>(needs(eventfd(count, EFD_NONBLOCK))); }

struct Pair {
    int a, b;
    explicit Pair(bool is_pipe, int type = SOCK_STREAM) {
        int ends[2];
        needs(is_pipe ? pipe2(ends, O_NONBLOCK) : socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, ends));
        a = ends[0];
        b = ends[1];
    }
    Pair(const Pair&) = delete;
    ~Pair() {
        close(a);
        close(b);
    }
};

void wrong_arguments() {
    const int file = static_cast<int>(needs(open("/dev/shm/conformance.poll", O_RDWR | O_CREAT, 0644)));
    const int epoll = static_cast<int>(needs(epoll_create1(0)));
    const int event = made_event();
    const Pair ends(true);
    pollfd none{-1, POLLIN, 77}, missing{no_fd, POLLIN, 0}, plain{file, POLLIN | POLLOUT, 0};
    epoll_event watched{EPOLLIN, {}}, exclusive_one_shot{EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, {}};
    fd_set closed;
    FD_ZERO(&closed);
    FD_SET(50, &closed);
    answer_all({
        {SYS_poll, "a bad array", nowhere, 1, 0},
        {SYS_poll, "nothing, at once", 0, 0, 0},
        {SYS_poll, "too many", buffer, 0x7fffffff, 0},
        {SYS_poll, "a negative descriptor is left out", &none, 1, 0},
        {SYS_poll, "one that is not open", &missing, 1, 0},
        {SYS_poll, "a file is always ready", &plain, 1, -1},
        {SYS_ppoll, "a bad time", buffer, 0, &bad_time, 0, 8},
        {SYS_ppoll, "a wrong size of the mask", buffer, 0, &no_time, buffer, 4},
        {SYS_ppoll, "a time at a bad place", buffer, 0, nowhere, 0, 8},
        {SYS_select, "a negative number", -1, 0, 0, 0, 0},
        {SYS_select, "a bad set", 1, nowhere, 0, 0, 0},
        {SYS_select, "a bad time", 0, 0, 0, 0, &bad_timeval},
        {SYS_select, "one that is not open", 60, &closed, 0, 0, &no_time},
        {SYS_pselect6, "a bad time", 0, 0, 0, 0, &bad_time, 0},
        {SYS_pselect6, "nothing, at once", 0, 0, 0, 0, &no_time, 0},
        {SYS_epoll_create, "nothing", 0},
        {SYS_epoll_create, "a size", 10},
        {SYS_epoll_create1, "an unknown flag", 1},
        {SYS_epoll_ctl, "add a file", epoll, EPOLL_CTL_ADD, file, &watched},
        {SYS_epoll_ctl, "add itself", epoll, EPOLL_CTL_ADD, epoll, &watched},
        {SYS_epoll_ctl, "add no descriptor", epoll, EPOLL_CTL_ADD, no_fd, &watched},
        {SYS_epoll_ctl, "add", epoll, EPOLL_CTL_ADD, event, &watched},
        {SYS_epoll_ctl, "add again", epoll, EPOLL_CTL_ADD, event, &watched},
        {SYS_epoll_ctl, "add from a bad place", epoll, EPOLL_CTL_ADD, ends.a, nowhere},
        {SYS_epoll_ctl, "add exclusively, once", epoll, EPOLL_CTL_ADD, ends.a, &exclusive_one_shot},
        {SYS_epoll_ctl, "change what is not there", epoll, EPOLL_CTL_MOD, ends.a, &watched},
        {SYS_epoll_ctl, "take what is not there", epoll, EPOLL_CTL_DEL, ends.a, 0},
        {SYS_epoll_ctl, "take, with nothing", epoll, EPOLL_CTL_DEL, event, 0},
        {SYS_epoll_ctl, "an unknown operation", epoll, 9, event, &watched},
        {SYS_epoll_ctl, "not an epoll", file, EPOLL_CTL_ADD, event, &watched},
        {SYS_epoll_ctl, "no epoll", no_fd, EPOLL_CTL_ADD, event, &watched},
        {SYS_epoll_wait, "no room", epoll, buffer, 0, 0},
        {SYS_epoll_wait, "not an epoll", file, buffer, 1, 0},
        {SYS_epoll_wait, "no descriptor", no_fd, buffer, 1, 0},
        {SYS_epoll_wait, "nothing ready", epoll, buffer, 1, 0},
        {SYS_epoll_wait, "nothing ready, a bad place", epoll, nowhere, 1, 0},
        {SYS_epoll_pwait, "a wrong size of the mask", epoll, buffer, 1, 0, buffer, 4},
        {SYS_epoll_pwait2, "a bad time", epoll, buffer, 1, &bad_time, 0, 8},
        {SYS_epoll_pwait2, "nothing ready", epoll, buffer, 1, &no_time, 0, 8},
        {SYS_read, "an epoll", epoll, buffer, 8},
        {SYS_write, "an epoll", epoll, buffer, 8},
    });
    for (int fd = 3; fd < 12; ++fd) close(fd);
    unlink("/dev/shm/conformance.poll");
}

void print_bits(const char* what, unsigned bits) {
    constexpr struct {
        unsigned bit;
        const char* name;
    } names[] = {{POLLIN, "IN"},         {POLLPRI, "PRI"},       {POLLOUT, "OUT"},
                 {POLLERR, "ERR"},       {POLLHUP, "HUP"},       {POLLNVAL, "NVAL"},
                 {POLLRDNORM, "RDNORM"}, {POLLWRNORM, "WRNORM"}, {POLLRDHUP, "RDHUP"}};
    std::printf("    %s:", what);
    for (const auto& each : names) {
        if ((bits & each.bit) != 0) std::printf(" %s", each.name);
    }
    std::printf("\n");
}

constexpr short everything = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLWRNORM | POLLRDHUP;

void now(const char* what, int fd, short wanted = everything) {
    pollfd one{fd, wanted, 0};
    poll(&one, 1, 0);
    print_bits(what, static_cast<unsigned short>(one.revents));
}

void states() {
    scenario(SYS_poll, "a pipe", [] {
        Pair ends(true);
        now("reader, empty", ends.a);
        now("writer, empty", ends.b);
        needs(write(ends.b, "x", 1));
        now("reader, a byte", ends.a);
        while (write(ends.b, buffer, 4096) > 0) {
        }
        now("writer, full", ends.b);
        needs(read(ends.a, buffer, 4096));
        now("writer, a page free", ends.b);
        close(ends.b);
        now("reader, writer gone, bytes left", ends.a);
        while (read(ends.a, buffer, sizeof buffer) > 0) {
        }
        now("reader, writer gone, empty", ends.a);
        now("reader, nothing wanted", ends.a, 0);
        ends.b = -1;
        Pair second(true);
        close(second.a);
        now("writer, reader gone", second.b);
        now("writer, nothing wanted", second.b, 0);
        second.a = -1;
    });
    scenario(SYS_poll, "a stream of AF_UNIX", [] {
        Pair ends(false);
        now("new", ends.a);
        needs(write(ends.b, "x", 1));
        now("a byte", ends.a);
        shutdown(ends.b, SHUT_WR);
        now("the other writes no more, a byte left", ends.a);
        needs(read(ends.a, buffer, 1));
        now("the other writes no more", ends.a);
        now("the other itself", ends.b);
        shutdown(ends.a, SHUT_WR);
        now("nobody writes", ends.a);
        close(ends.b);
        now("the other is gone", ends.a);
        ends.b = -1;
    });
    scenario(SYS_poll, "datagrams of AF_UNIX", [] {
        Pair ends(false, SOCK_DGRAM);
        now("new", ends.a);
        needs(send(ends.b, "x", 1, 0));
        now("one", ends.a);
        close(ends.b);
        now("the other is gone, one left", ends.a);
        ends.b = -1;
    });
    scenario(SYS_poll, "an event, an epoll, a file, /dev/null", [] {
        const int event = made_event(), epoll = static_cast<int>(needs(epoll_create1(0)));
        now("event at 0", event);
        epoll_event watched{EPOLLIN, {}};
        needs(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &watched));
        now("epoll of it", epoll);
        eventfd_write(event, ~0ull - 1);
        now("event at the most", event);
        now("epoll of it", epoll);
        const int null = static_cast<int>(needs(open("/dev/null", O_RDWR)));
        now("/dev/null", null);
        for (int fd : {event, epoll, null}) close(fd);
    });
    scenario(SYS_poll, "sockets that are not connected", [] {
        const int tcp = static_cast<int>(needs(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)));
        const int udp = static_cast<int>(needs(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)));
        const int local = static_cast<int>(needs(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)));
        now("TCP", tcp);
        now("UDP", udp);
        now("AF_UNIX", local);
        for (int fd : {tcp, udp, local}) close(fd);
    });
    scenario(SYS_select, "three sets, and the count of bits", [] {
        Pair ends(false);
        needs(write(ends.b, "x", 1));
        fd_set in, out, wrong;
        for (fd_set* set : {&in, &out, &wrong}) {
            FD_ZERO(set);
            FD_SET(ends.a, set);
        }
        timeval none{};
        is("bits", select(ends.a + 1, &in, &out, &wrong, &none));
        holds("in", FD_ISSET(ends.a, &in));
        holds("out", FD_ISSET(ends.a, &out));
        holds("wrong", FD_ISSET(ends.a, &wrong));
        FD_ZERO(&in);
        FD_SET(ends.b, &in);
        is("none", select(ends.b + 1, &in, nullptr, nullptr, &none));
        holds("cleared", !FD_ISSET(ends.b, &in));
    });
}

// A signal with a handler that is blocked for the time of one scenario, and a mask under which it is not.
struct HeldSignal {
    explicit HeldSignal(int number) : handler(number) {
        sigemptyset(&none);
        sigemptyset(&block);
        sigaddset(&block, number);
        pthread_sigmask(SIG_BLOCK, &block, nullptr);
    }
    HeldSignal(const HeldSignal&) = delete;
    ~HeldSignal() { pthread_sigmask(SIG_UNBLOCK, &block, nullptr); }

    Handler handler;
    sigset_t block, none;
};

void waits() {
    scenario(SYS_poll, "waits for a byte, a close, a time", [] {
        Pair ends(true);
        Caller waiter([&] {
            pollfd one{ends.a, POLLIN, 0};
            const int found = poll(&one, 1, -1);
            return found * 1000 + one.revents;
        });
        waiter.waits();
        needs(write(ends.b, "x", 1));
        answers("a byte", waiter.join());
        needs(read(ends.a, buffer, 1));
        Caller second([&] {
            pollfd one{ends.a, 0, 0};
            const int found = poll(&one, 1, -1);
            return found * 1000 + one.revents;
        });
        second.waits();
        close(ends.b);
        ends.b = -1;
        answers("a close", second.join());
        Stopwatch time;
        answers("nothing, 30 ms", poll(nullptr, 0, 30));
        holds("waited", time.ms() >= 30);
    });
    scenario(SYS_poll, "a signal ends it, with SA_RESTART too",
             [] { interrupted([] { return poll(nullptr, 0, -1); }, [] {}); });
    scenario(SYS_select, "a signal ends it, with SA_RESTART too",
             [] { interrupted([] { return select(0, nullptr, nullptr, nullptr, nullptr); }, [] {}); });
    scenario(SYS_epoll_wait, "a signal ends it, with SA_RESTART too", [] {
        const int epoll = static_cast<int>(needs(epoll_create1(0)));
        interrupted(
            [=] {
                epoll_event one;
                return epoll_wait(epoll, &one, 1, -1);
            },
            [] {});
        close(epoll);
    });
    scenario(SYS_select, "tells the rest of its time", [] {
        timeval time{10, 0};
        Pair ends(true);
        fd_set out;
        FD_ZERO(&out);
        FD_SET(ends.b, &out);
        is("ready", select(ends.b + 1, nullptr, &out, nullptr, &time));
        holds("most is left", time.tv_sec == 9 || time.tv_sec == 10);
        time = {0, 20'000};
        is("none", select(0, nullptr, nullptr, nullptr, &time));
        is("left", time.tv_usec);
    });
    scenario(SYS_ppoll, "the mask holds during the wait only", [] {
        const HeldSignal held(SIGUSR1);
        raise(SIGUSR1);
        is("blocked", handled);
        answers("pending, and ready", [&] {
            pollfd one{1, 0, 0};
            return ppoll(&one, 1, &no_time, &held.none);
        }());
        is("handled", handled);
        raise(SIGUSR1);
        const timespec long_time{10, 0};
        answers("pending, nothing ready", ppoll(nullptr, 0, &long_time, &held.none));
        is("handled", handled);
        sigset_t now;
        pthread_sigmask(SIG_BLOCK, nullptr, &now);
        holds("blocked again", sigismember(&now, SIGUSR1) == 1);
    });
    scenario(SYS_pselect6, "the mask, and the time stays with the C library's function", [] {
        const HeldSignal held(SIGUSR1);
        raise(SIGUSR1);
        const timespec long_time{10, 0};
        answers("pending", pselect(0, nullptr, nullptr, nullptr, &long_time, &held.none));
        is("handled", handled);
    });
    scenario(SYS_epoll_pwait, "the mask", [] {
        const HeldSignal held(SIGUSR1);
        const int epoll = static_cast<int>(needs(epoll_create1(0)));
        raise(SIGUSR1);
        epoll_event one;
        answers("pending", epoll_pwait(epoll, &one, 1, 10'000, &held.none));
        is("handled", handled);
        close(epoll);
    });
}

// What an epoll has ready, without waiting.
class Watcher {
public:
    Watcher() : fd_(static_cast<int>(needs(epoll_create1(0)))) {}
    Watcher(const Watcher&) = delete;
    ~Watcher() { close(fd_); }
    void set(int operation, int fd, unsigned events) const {
        epoll_event event{events, {}};
        event.data.fd = fd;
        needs(epoll_ctl(fd_, operation, fd, &event));
    }
    void ready(const char* what) const {
        epoll_event events[8];
        const int count = epoll_wait(fd_, events, 8, 0);
        if (count == 1) {
            print_bits(what, events[0].events);
        } else {
            is(what, count);
        }
    }
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

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

}  // namespace

int main() {
    wrong_arguments();
    states();
    waits();
    triggers();
}
