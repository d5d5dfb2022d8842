// SPDX-License-Identifier: Apache-2.0
// Signals of timers that are deleted or set anew while one is pending.
#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

const itimerspec in_a_ms{{}, {0, 1'000'000}};
constexpr timespec a_while{0, 200'000'000};

sigset_t real_time() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    return set;
}

timer_t create(int value) {
    sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN;
    event.sigev_value.sival_int = value;
    timer_t timer;
    needs(timer_create(CLOCK_MONOTONIC, &event, &timer));
    return timer;
}

void expire(timer_t timer) {
    needs(timer_settime(timer, 0, &in_a_ms, nullptr));
    rest_ms(20);
}

void take() {
    const sigset_t set = real_time();
    siginfo_t info = {};
    const bool came = sigtimedwait(&set, &info, &a_while) == SIGRTMIN;
    holds("a signal", came);
    if (came) is("value", info.si_value.sival_int);
    if (info.si_code == SI_TIMER) is("overrun", info.si_overrun);
}

}  // namespace

int main() {
    const sigset_t set = real_time();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    scenario(SYS_timer_delete, "a timer's pending signal goes with it", [] {
        timer_t timer = create(1);
        expire(timer);
        timer_delete(timer);
        take();
    });
    scenario(SYS_timer_delete, "the next timer's signal is its own", [] {
        timer_t first = create(1);
        expire(first);
        timer_delete(first);
        timer_t second = create(2);
        expire(second);
        take();
        take();
        timer_delete(second);
    });
    scenario(SYS_timer_delete, "a signal of another sender stays", [] {
        timer_t timer = create(1);
        sigqueue(getpid(), SIGRTMIN, sigval{7});
        expire(timer);
        timer_delete(timer);
        take();
        take();
    });
    scenario(SYS_timer_settime, "a pending signal of the time before is dropped", [] {
        timer_t timer = create(1);
        expire(timer);
        const itimerspec off{};
        timer_settime(timer, 0, &off, nullptr);
        take();
        expire(timer);
        expire(timer);
        take();
        take();
        timer_delete(timer);
    });
}
