// SPDX-License-Identifier: Apache-2.0
// Clocks, sleeps and timers: limits, what is left when a signal comes, absolute times, expirations that add up.
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/timex.h>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

constexpr long ms = 1'000'000;
const timespec bad_time{0, 2'000'000'000}, negative_time{-1, 0}, no_time{0, 0}, short_time{0, 20 * ms},
    long_time{1000, 0};
const timeval bad_timeval{0, 2'000'000};
const itimerspec bad_timer{{0, 0}, {0, -1}}, stopped{};
const itimerval bad_itimer{{0, 0}, {0, 1'000'000}};

void wrong_arguments() {
    const int file = static_cast<int>(needs(open("/dev/null", O_RDONLY)));
    const int timer = static_cast<int>(needs(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)));
    sigevent strange = {};
    strange.sigev_notify = 77;
    sigevent no_such = {};
    no_such.sigev_notify = SIGEV_SIGNAL;
    no_such.sigev_signo = 99;
    answer_all({
        {SYS_clock_gettime, "an unknown clock", 99, buffer},
        {SYS_clock_gettime, "a negative clock of nobody", -1000000, buffer},
        {SYS_clock_gettime, "a bad place", CLOCK_MONOTONIC, nowhere},
        {SYS_clock_gettime, "CLOCK_REALTIME", CLOCK_REALTIME, buffer},
        {SYS_clock_gettime, "CLOCK_BOOTTIME", CLOCK_BOOTTIME, buffer},
        {SYS_clock_gettime, "CLOCK_MONOTONIC_RAW", CLOCK_MONOTONIC_RAW, buffer},
        {SYS_clock_gettime, "CLOCK_REALTIME_COARSE", CLOCK_REALTIME_COARSE, buffer},
        {SYS_clock_gettime, "CLOCK_MONOTONIC_COARSE", CLOCK_MONOTONIC_COARSE, buffer},
        {SYS_clock_gettime, "CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID, buffer},
        {SYS_clock_gettime, "CLOCK_THREAD_CPUTIME_ID", CLOCK_THREAD_CPUTIME_ID, buffer},
        {SYS_clock_gettime, "CLOCK_TAI", CLOCK_TAI, buffer},
        {SYS_clock_getres, "an unknown clock", 99, buffer},
        {SYS_clock_getres, "a bad place", CLOCK_MONOTONIC, nowhere},
        {SYS_clock_getres, "no place", CLOCK_MONOTONIC, 0},
        {SYS_clock_settime, "CLOCK_MONOTONIC", CLOCK_MONOTONIC, &no_time},
        {SYS_clock_settime, "an unknown clock", 99, &no_time},
        {SYS_clock_settime, "a bad time", CLOCK_REALTIME, &bad_time},
        {SYS_clock_settime, "a bad place", CLOCK_REALTIME, nowhere},
        {SYS_settimeofday, "a bad time", &bad_timeval, 0},
        {SYS_settimeofday, "a bad place", nowhere, 0},
        {SYS_settimeofday, "nothing", 0, 0},
        {SYS_gettimeofday, "a bad place", nowhere, 0},
        {SYS_gettimeofday, "nothing", 0, 0},
        {SYS_time, "a bad place", nowhere},
        {SYS_times, "a bad place", nowhere},
        {SYS_nanosleep, "a bad time", &bad_time, 0},
        {SYS_nanosleep, "a negative time", &negative_time, 0},
        {SYS_nanosleep, "a bad place", nowhere, 0},
        {SYS_nanosleep, "no time", &no_time, 0},
        {SYS_nanosleep, "a bad place for the rest, unused", &no_time, nowhere},
        {SYS_clock_nanosleep, "an unknown clock", 99, 0, &no_time, 0},
        {SYS_clock_nanosleep, "CLOCK_THREAD_CPUTIME_ID", CLOCK_THREAD_CPUTIME_ID, 0, &no_time, 0},
        {SYS_clock_nanosleep, "a bad time", CLOCK_MONOTONIC, 0, &bad_time, 0},
        {SYS_clock_nanosleep, "absolute, past", CLOCK_MONOTONIC, TIMER_ABSTIME, &no_time, 0},
        {SYS_clock_nanosleep, "CLOCK_BOOTTIME", CLOCK_BOOTTIME, 0, &short_time, 0},
        {SYS_getitimer, "unknown", 9, buffer},
        {SYS_getitimer, "a bad place", ITIMER_REAL, nowhere},
        {SYS_setitimer, "unknown", 9, buffer, 0},
        {SYS_setitimer, "a bad time", ITIMER_REAL, &bad_itimer, 0},
        {SYS_setitimer, "a bad place", ITIMER_REAL, nowhere, 0},
        {SYS_setitimer, "a bad place for the old one", ITIMER_REAL, buffer, nowhere},
        {SYS_alarm, "none was set", 0},
        {SYS_timer_create, "an unknown clock", 99, 0, buffer},
        {SYS_timer_create, "an unknown way to tell", CLOCK_MONOTONIC, &strange, buffer},
        {SYS_timer_create, "no such signal", CLOCK_MONOTONIC, &no_such, buffer},
        {SYS_timer_create, "a bad place", CLOCK_MONOTONIC, 0, nowhere},
        {SYS_timer_settime, "no timer", 77, 0, &stopped, 0},
        {SYS_timer_gettime, "no timer", 77, buffer},
        {SYS_timer_getoverrun, "no timer", 77},
        {SYS_timer_delete, "no timer", 77},
        {SYS_timerfd_create, "an unknown clock", 99, 0},
        {SYS_timerfd_create, "CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID, 0},
        {SYS_timerfd_create, "an unknown flag", CLOCK_MONOTONIC, 1},
        {SYS_timerfd_settime, "a bad time", timer, 0, &bad_timer, 0},
        {SYS_timerfd_settime, "an unknown flag", timer, 8, &stopped, 0},
        {SYS_timerfd_settime, "another file", file, 0, &stopped, 0},
        {SYS_timerfd_settime, "no descriptor", no_fd, 0, &stopped, 0},
        {SYS_timerfd_settime, "a bad place", timer, 0, nowhere, 0},
        {SYS_timerfd_gettime, "another file", file, buffer},
        {SYS_timerfd_gettime, "a bad place", timer, nowhere},
        {SYS_timerfd_gettime, "no descriptor", no_fd, buffer},
        {SYS_read, "a timer that is not set", timer, buffer, 8},
        {SYS_read, "a timer into too little", timer, buffer, 7},
        {SYS_write, "a timer", timer, buffer, 8},
        {SYS_lseek, "a timer", timer, 0, SEEK_SET},
        {SYS_sysinfo, "a bad place", nowhere},
    });
    close(file);
    close(timer);
}

void sleeps() {
    scenario(SYS_nanosleep, "what is left when a signal comes", [] {
        Handler handler(SIGUSR1, SA_RESTART);
        static timespec left;
        left = {};
        Caller sleeper([] { return nanosleep(&long_time, &left); });
        sleeper.waits();
        sleeper.signal(SIGUSR1);
        answers("a signal with SA_RESTART", sleeper.join());
        holds("most of it is left", left.tv_sec >= 900 && left.tv_sec < 1000);
    });
    scenario(SYS_nanosleep, "at least as long as asked", [] {
        Stopwatch time;
        answers("20 ms", nanosleep(&short_time, nullptr));
        holds("passed", time.ms() >= 20);
    });
    scenario(SYS_clock_nanosleep, "an absolute sleep: a signal leaves the rest alone", [] {
        Handler handler(SIGUSR1, SA_RESTART);
        static timespec left;
        left = {7, 7};
        Caller sleeper([] {
            timespec until;
            clock_gettime(CLOCK_MONOTONIC, &until);
            until.tv_sec += 1000;
            return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, &left);
        });
        sleeper.waits();
        sleeper.signal(SIGUSR1);
        answers("a signal with SA_RESTART", sleeper.join());
        is("rest", left.tv_sec);
    });
    scenario(SYS_clock_nanosleep, "an absolute time of CLOCK_REALTIME and of CLOCK_MONOTONIC", [] {
        for (clockid_t clock : {CLOCK_REALTIME, CLOCK_MONOTONIC}) {
            timespec until, now;
            clock_gettime(clock, &until);
            until.tv_nsec += 20 * ms;
            if (until.tv_nsec >= 1000 * ms) until.tv_sec += 1, until.tv_nsec -= 1000 * ms;
            is("answer", clock_nanosleep(clock, TIMER_ABSTIME, &until, nullptr));
            clock_gettime(clock, &now);
            holds("reached", now.tv_sec > until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec));
        }
    });
    scenario(SYS_times, "counts ticks of 10 ms", [] {
        const long begin = syscall(SYS_times, 0);
        rest_ms(50);
        holds("at least four", syscall(SYS_times, 0) - begin >= 4);
    });
    scenario(SYS_clock_gettime, "clocks run, and never back", [] {
        for (clockid_t clock : {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_THREAD_CPUTIME_ID}) {
            timespec last, now;
            clock_gettime(clock, &last);
            bool back = false;
            for (int i = 0; i < 1000; ++i) {
                clock_gettime(clock, &now);
                back = back || now.tv_sec < last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec);
                last = now;
            }
            holds("back", back);
        }
    });
    scenario(SYS_clock_gettime, "a sleep costs no CPU time", [] {
        timespec before, after;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
        rest_ms(100);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
        const long spent = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / ms;
        holds("less than half of it", spent < 50);
    });
}

void process_timers() {
    scenario(SYS_setitimer, "ITIMER_REAL comes again and again", [] {
        Handler handler(SIGALRM);
        const itimerval each{{0, 10'000}, {0, 10'000}}, none{};
        answers("set", setitimer(ITIMER_REAL, &each, nullptr));
        while (handled < 3) pause();
        itimerval now;
        answers("ask", getitimer(ITIMER_REAL, &now));
        is("interval", now.it_interval.tv_usec);
        answers("stop", setitimer(ITIMER_REAL, &none, &now));
        is("interval", now.it_interval.tv_usec);
        getitimer(ITIMER_REAL, &now);
        is("left", now.it_value.tv_usec);
    });
    scenario(SYS_setitimer, "ITIMER_VIRTUAL and ITIMER_PROF count work", [] {
        Handler handler(SIGVTALRM);
        const itimerval once{{0, 0}, {0, 20'000}};
        answers("set", setitimer(ITIMER_VIRTUAL, &once, nullptr));
        rest_ms(60);
        is("asleep", handled);
        Stopwatch time;
        while (handled == 0 && time.ms() < 20'000) {
        }
        is("at work", handled);
    });
    scenario(SYS_alarm, "replaces the one before, and tells its rest", [] {
        answers("100 s", alarm(100));
        answers("replaced by 50 s", alarm(50));
        itimerval now;
        getitimer(ITIMER_REAL, &now);
        holds("the same timer", now.it_value.tv_sec >= 49);
        answers("stopped", alarm(0));
    });
    scenario(SYS_timer_create, "a timer's signal carries its value and counts what it missed", [] {
        sigset_t set, old;
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        pthread_sigmask(SIG_BLOCK, &set, &old);
        sigevent event = {};
        event.sigev_notify = SIGEV_SIGNAL;
        event.sigev_signo = SIGRTMIN;
        event.sigev_value.sival_int = 11;
        timer_t timer;
        answers("created", timer_create(CLOCK_MONOTONIC, &event, &timer));
        const itimerspec each{{0, 5 * ms}, {0, 5 * ms}};
        answers("set", timer_settime(timer, 0, &each, nullptr));
        rest_ms(100);
        siginfo_t info;
        answers("taken", sigwaitinfo(&set, &info) == SIGRTMIN ? 0 : -1);
        is("value", info.si_value.sival_int);
        is("code", info.si_code);
        holds("missed some", info.si_overrun >= 3 && timer_getoverrun(timer) >= 3);
        itimerspec now;
        answers("ask", timer_gettime(timer, &now));
        is("interval", now.it_interval.tv_nsec);
        answers("stopped", timer_settime(timer, 0, &stopped, &now));
        is("interval", now.it_interval.tv_nsec);
        timer_gettime(timer, &now);
        is("left", now.it_value.tv_nsec);
        answers("deleted", timer_delete(timer));
        answers("again", timer_delete(timer));
        const timespec none{};
        while (sigtimedwait(&set, nullptr, &none) > 0) {
        }
        pthread_sigmask(SIG_SETMASK, &old, nullptr);
    });
    scenario(SYS_timer_settime, "TIMER_ABSTIME in the past, SIGEV_THREAD_ID, SIGEV_NONE", [] {
        Handler handler(SIGUSR2);
        sigevent event = {};
        event.sigev_notify = SIGEV_THREAD_ID;
        event.sigev_signo = SIGUSR2;
        event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
        timer_t timer;
        needs(timer_create(CLOCK_REALTIME, &event, &timer));
        const itimerspec past{{0, 0}, {1000, 0}};
        answers("past", timer_settime(timer, TIMER_ABSTIME, &past, nullptr));
        for (int i = 0; i < 500 && handled == 0; ++i) rest_ms(2);
        is("signals", handled);
        timer_delete(timer);
        event.sigev_notify = SIGEV_NONE;
        needs(timer_create(CLOCK_MONOTONIC, &event, &timer));
        const itimerspec once{{0, 0}, {1000, 0}};
        itimerspec now;
        needs(timer_settime(timer, 0, &once, nullptr));
        timer_gettime(timer, &now);
        holds("runs", now.it_value.tv_sec >= 990);
        timer_delete(timer);
    });
}

void timer_files() {
    scenario(SYS_timerfd_settime, "expirations add up until they are read", [] {
        const int fd = static_cast<int>(needs(timerfd_create(CLOCK_MONOTONIC, 0)));
        const itimerspec each{{0, 5 * ms}, {0, 5 * ms}};
        answers("set", timerfd_settime(fd, 0, &each, nullptr));
        rest_ms(100);
        unsigned long long count = 0;
        answers("read", read(fd, &count, 8));
        holds("several", count >= 10);
        itimerspec old;
        answers("stopped", timerfd_settime(fd, 0, &stopped, &old));
        is("interval", old.it_interval.tv_nsec);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        answers("nothing after it", read(fd, &count, 8));
        close(fd);
    });
    scenario(SYS_timerfd_settime, "a read waits for the time", [] {
        const int fd = static_cast<int>(needs(timerfd_create(CLOCK_REALTIME, 0)));
        const itimerspec once{{0, 0}, {0, 30 * ms}};
        Stopwatch time;
        needs(timerfd_settime(fd, 0, &once, nullptr));
        unsigned long long count = 0;
        answers("read", read(fd, &count, 8));
        is("count", static_cast<long long>(count));
        holds("waited", time.ms() >= 30);
        itimerspec now;
        timerfd_gettime(fd, &now);
        is("left", now.it_value.tv_nsec);
        close(fd);
    });
    scenario(SYS_timerfd_settime, "an absolute time that is past comes at once", [] {
        const int fd = static_cast<int>(needs(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)));
        const itimerspec past{{0, 0}, {0, 1}};
        needs(timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, nullptr));
        rest_ms(5);
        unsigned long long count = 0;
        answers("read", read(fd, &count, 8));
        is("count", static_cast<long long>(count));
        close(fd);
    });
    scenario(SYS_timerfd_settime, "a signal while it is read", [] {
        const int fd = static_cast<int>(needs(timerfd_create(CLOCK_MONOTONIC, 0)));
        interrupted(
            [=] {
                unsigned long long count;
                return read(fd, &count, 8);
            },
            [=] {
                const itimerspec once{{0, 0}, {0, 1}};
                timerfd_settime(fd, 0, &once, nullptr);
            });
        close(fd);
    });
}

}  // namespace

int main() {
    wrong_arguments();
    sleeps();
    process_timers();
    timer_files();
}
