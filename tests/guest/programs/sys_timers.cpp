// SPDX-License-Identifier: Apache-2.0
// nanosleep, clock_nanosleep, timerfd, setitimer, timer_create: they end when due, never early, and can be changed.
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

timespec in_ms(long ms) { return {ms / 1000, ms % 1000 * 1'000'000}; }

timespec now_plus(clockid_t clock, long ms) {
    timespec at{};
    clock_gettime(clock, &at);
    const long ns = at.tv_nsec + ms % 1000 * 1'000'000;
    return {at.tv_sec + ms / 1000 + ns / 1'000'000'000, ns % 1'000'000'000};
}

void sleeps() {
    auto begin = Clock::now();
    const timespec request = in_ms(20);
    check_equal(nanosleep(&request, nullptr), 0);
    check(Clock::now() - begin >= 20ms && Clock::now() - begin < 2s);

    for (const clockid_t clock : {CLOCK_MONOTONIC, CLOCK_REALTIME}) {
        begin = Clock::now();
        const timespec until = now_plus(clock, 20);
        check_equal(clock_nanosleep(clock, TIMER_ABSTIME, &until, nullptr), 0);
        check(Clock::now() - begin >= 19ms);
        check_equal(clock_nanosleep(clock, TIMER_ABSTIME, &until, nullptr), 0);  // past already
    }
    const timespec bad{0, -1};
    check_fails(nanosleep(&bad, nullptr), EINVAL);
    check_equal(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, nullptr), EINVAL);
}

void interrupted_sleep() {
    signal(SIGALRM, [](int) {});
    const itimerval once{{0, 0}, {0, 20'000}};
    check_equal(setitimer(ITIMER_REAL, &once, nullptr), 0);
    const timespec request{10, 0};
    timespec rest{};
    check_fails(nanosleep(&request, &rest), EINTR);
    check(rest.tv_sec == 9 && rest.tv_nsec > 0);
}

std::uint64_t expirations(int fd) {
    std::uint64_t value = 0;
    return read(fd, &value, sizeof value) == sizeof value ? value : 0;
}

void timer_descriptors() {
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    check(fd >= 0);
    std::uint64_t value = 0;
    check_fails(read(fd, &value, sizeof value), EAGAIN);
    check_fails(read(fd, &value, 4), EINVAL);
    itimerspec every{in_ms(5), in_ms(10)}, left{};
    const auto begin = Clock::now();  // before the timer starts: the machine may be slow between the two
    check_equal(timerfd_settime(fd, 0, &every, nullptr), 0);
    check_equal(timerfd_gettime(fd, &left), 0);
    check(left.it_interval.tv_nsec == 5'000'000 && left.it_value.tv_nsec <= 10'000'000);
    pollfd waiting{fd, POLLIN, 0};
    check_equal(poll(&waiting, 1, 5000), 1);
    check(Clock::now() - begin >= 9ms);
    check(expirations(fd) >= 1);
    std::this_thread::sleep_for(30ms);
    check(expirations(fd) >= 5);
    const itimerspec off{};
    check_equal(timerfd_settime(fd, 0, &off, &left), 0);
    check_equal(left.it_interval.tv_nsec, 5'000'000);
    check_equal(poll(&waiting, 1, 20), 0);
    const itimerspec absolute{{}, now_plus(CLOCK_MONOTONIC, 15)};
    check_equal(timerfd_settime(fd, TFD_TIMER_ABSTIME, &absolute, nullptr), 0);
    check_equal(poll(&waiting, 1, 5000), 1);
    check_equal(expirations(fd), 1u);
    close(fd);

    const int wall = timerfd_create(CLOCK_REALTIME, 0);
    const itimerspec once{{}, in_ms(10)};
    check_equal(timerfd_settime(wall, 0, &once, nullptr), 0);
    check_equal(expirations(wall), 1u);  // blocks
    close(wall);
    check_fails(timerfd_create(1000, 0), EINVAL);
}

volatile sig_atomic_t ticks = 0;
volatile int tick_value = 0;

void interval_timers() {
    ticks = 0;
    signal(SIGALRM, [](int) { ticks = ticks + 1; });
    const itimerval every{{0, 4000}, {0, 4000}};
    check_equal(setitimer(ITIMER_REAL, &every, nullptr), 0);
    while (ticks < 4) pause();
    itimerval left{};
    check_equal(getitimer(ITIMER_REAL, &left), 0);
    check_equal(left.it_interval.tv_usec, 4000);
    const itimerval off{};
    check_equal(setitimer(ITIMER_REAL, &off, &left), 0);
    const int seen = ticks;
    std::this_thread::sleep_for(15ms);
    check_equal(ticks, seen);
}

void posix_timers() {
    ticks = 0;
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t* info, void*) {
        check_equal(info->si_code, SI_TIMER);
        tick_value = info->si_value.sival_int;
        ticks = ticks + 1;
    };
    sigaction(SIGUSR1, &action, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    event.sigev_value.sival_int = 77;
    timer_t timer{};
    check_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    const itimerspec every{in_ms(5), in_ms(5)}, off{};
    check_equal(timer_settime(timer, 0, &every, nullptr), 0);
    while (ticks < 3) std::this_thread::sleep_for(1ms);
    check_equal(tick_value, 77);
    itimerspec left{};
    check_equal(timer_gettime(timer, &left), 0);
    check_equal(left.it_interval.tv_nsec, 5'000'000);
    check(timer_getoverrun(timer) >= 0);
    check_equal(timer_settime(timer, 0, &off, nullptr), 0);
    check_equal(timer_delete(timer), 0);
    check_fails(timer_delete(timer), EINVAL);
}

}  // namespace

int main() {
    sleeps();
    passed("nanosleep and clock_nanosleep");
    interrupted_sleep();
    passed("interrupted sleep");
    timer_descriptors();
    passed("timerfd");
    interval_timers();
    passed("setitimer");
    posix_timers();
    passed("timer_create");
}
