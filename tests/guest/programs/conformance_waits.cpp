// SPDX-License-Identifier: Apache-2.0
// What poll, select and epoll wait for, and what ends a wait.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "tests/guest/readiness.hpp"

using namespace conformance;

namespace {

constexpr timespec no_time{0, 0};

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

}  // namespace

int main() { waits(); }
