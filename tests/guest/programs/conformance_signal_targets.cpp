// SPDX-License-Identifier: Apache-2.0
// Signals of the process: which thread takes one, also when the first choice does not, and whom an ignored one
// disturbs.
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

constexpr long patience_ms = 2000;
constexpr timespec time_of_a_wait{0, 300'000'000};

sigset_t set_of(std::initializer_list<int> numbers) {
    sigset_t set;
    sigemptyset(&set);
    for (int number : numbers) sigaddset(&set, number);
    return set;
}

void mask(int how, std::initializer_list<int> numbers) {
    const sigset_t set = set_of(numbers);
    pthread_sigmask(how, &set, nullptr);
}

template <class Ready>
bool comes_true(Ready ready) {
    const Stopwatch time;
    while (!ready()) {
        if (time.ms() > patience_ms) return false;
        sched_yield();
    }
    return true;
}

// A thread that takes every signal, asleep.
class Taker {
public:
    Taker() { caller_.sleeps(); }
    Taker(const Taker&) = delete;
    ~Taker() {
        end_ = true;
        caller_.signal(SIGTERM);
    }

private:
    std::atomic<bool> end_ = false;
    Handler terminated_{SIGTERM};
    Caller caller_{[this] {
        mask(SIG_UNBLOCK, {SIGUSR1, SIGUSR2});
        while (!end_) poll(nullptr, 0, 100);
        return 0L;
    }};
};

std::atomic<int> usr1 = 0, usr2 = 0;

void spin(int turns) {
    for (std::atomic<int> i = 0; i < turns;) ++i;
}

void a_handler_blocks_the_next() {
    static std::atomic<bool> came_meanwhile = false;
    struct sigaction first = {}, second = {};
    first.sa_handler = [](int) {
        came_meanwhile = comes_true([] { return usr2 == 1; });
        ++usr1;
    };
    sigfillset(&first.sa_mask);
    second.sa_handler = [](int) { ++usr2; };
    sigaction(SIGUSR1, &first, nullptr);
    sigaction(SIGUSR2, &second, nullptr);
    Taker taker;
    std::thread sender([] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, nullptr);
        rest_ms(20);
        kill(getpid(), SIGUSR1);
        kill(getpid(), SIGUSR2);
    });
    while (usr1 == 0) rest_ms(1000);
    sender.join();
    holds("SIGUSR2 runs elsewhere while the handler waits for it", came_meanwhile);
}

constexpr int rounds = 300;

// The main thread, whom a signal of the process is for first, blocks it at the time when it is sent.
void the_first_choice_blocks() {
    Handler handler(SIGUSR1);
    Taker taker;
    std::atomic<int> round = 0;
    std::thread sender([&] {
        mask(SIG_BLOCK, {SIGUSR1});
        for (int i = 1; i <= rounds; ++i) {
            while (round < i) sched_yield();
            if (round > rounds) return;
            kill(getpid(), SIGUSR1);
        }
    });
    bool all_came = true;
    for (int i = 1; i <= rounds && all_came; ++i) {
        round = i;
        spin(i * 4);
        mask(SIG_BLOCK, {SIGUSR1});
        all_came = comes_true([&] { return handled == i; });
        mask(SIG_UNBLOCK, {SIGUSR1});
    }
    round = rounds + 1;
    sender.join();
    holds("every one comes", all_came);
}

// The same where the thread that is chosen ends, without glibc, which blocks everything on the way.
void the_first_choice_ends() {
    Handler handler(SIGUSR1);
    bool all_came = true;
    for (int i = 1; i <= rounds / 3 && all_came; ++i) {
        std::atomic<bool> go = false;
        pthread_t ending;
        auto end = [](void* flag) -> void* {
            mask(SIG_UNBLOCK, {SIGUSR1});
            while (!*static_cast<std::atomic<bool>*>(flag)) sched_yield();
            syscall(SYS_exit, 0);
            return nullptr;
        };
        mask(SIG_BLOCK, {SIGUSR1});
        pthread_create(&ending, nullptr, end, &go);
        {
            Taker taker;
            go = true;
            spin(i * 4);
            kill(getpid(), SIGUSR1);
            all_came = comes_true([] { return handled == 1; });
        }
        pthread_join(ending, nullptr);
        mask(SIG_UNBLOCK, {SIGUSR1});
    }
    holds("every one comes", all_came);
}

// The reader is woken, and has nothing to deliver by the time it looks.
void the_sender_takes_it() {
    Handler handler(SIGUSR1, SA_RESTART);
    mask(SIG_BLOCK, {SIGUSR1, SIGUSR2});
    const sigset_t read_set = set_of({SIGUSR2}), own_set = set_of({SIGUSR1});
    const int fd = static_cast<int>(needs(signalfd(-1, &read_set, 0)));
    Caller reader([fd] {
        mask(SIG_UNBLOCK, {SIGUSR1});
        signalfd_siginfo info;
        return read(fd, &info, sizeof info);
    });
    reader.waits();
    constexpr timespec none{0, 0};
    kill(getpid(), SIGUSR1);
    sigtimedwait(&own_set, nullptr, &none);
    rest_ms(20);
    holds("waits on", !reader.is_back());
    kill(getpid(), SIGUSR2);
    answers("then", reader.join());
    close(fd);
    mask(SIG_UNBLOCK, {SIGUSR1, SIGUSR2});
}

void handing_on() {
    scenario(SYS_kill, "a handler that blocks everything waits for the next signal", a_handler_blocks_the_next);
    scenario(SYS_kill, "the thread that is chosen blocks the signal", the_first_choice_blocks);
    scenario(SYS_kill, "the thread that is chosen ends", the_first_choice_ends);
    scenario(SYS_signalfd4, "a reader's signal is taken by who has sent it", the_sender_takes_it);
}

// SIGWINCH, which nobody handles, again and again while another thread is in `call`.
template <class Call>
void disturbed(const char* what, Call call) {
    Stopwatch time;
    Caller caller([call] {
        mask(SIG_UNBLOCK, {SIGWINCH});
        return call();
    });
    caller.sleeps();
    while (!caller.is_back() && time.ms() < patience_ms) {
        kill(getpid(), SIGWINCH);
        rest_ms(30);
    }
    answers(what, caller.join());
    holds("in time", time.ms() < patience_ms);
}

long wait_on_word(int operation, const timespec& time) {
    static unsigned word = 0;
    return syscall(SYS_futex, &word, operation, 0, &time, nullptr, FUTEX_BITSET_MATCH_ANY);
}

void ignored() {
    scenario(SYS_kill, "an ignored signal is dropped unless the main thread blocks it", [] {
        mask(SIG_BLOCK, {SIGWINCH});
        for (bool is_open : {true, false}) {
            Caller waiter([] {
                const sigset_t set = set_of({SIGWINCH});
                const timespec time{0, 200'000'000};
                return sigtimedwait(&set, nullptr, &time);
            });
            waiter.sleeps();
            if (is_open) mask(SIG_UNBLOCK, {SIGWINCH});
            kill(getpid(), SIGWINCH);
            answers(is_open ? "open" : "blocked", waiter.join());
            mask(SIG_BLOCK, {SIGWINCH});
        }
    });
    scenario(SYS_kill, "an ignored signal does not make a thread sleep longer", [] {
        disturbed("nanosleep", [] { return nanosleep(&time_of_a_wait, nullptr); });
        disturbed("clock_nanosleep",
                  [] { return static_cast<long>(clock_nanosleep(CLOCK_MONOTONIC, 0, &time_of_a_wait, nullptr)); });
        disturbed("poll", [] { return poll(nullptr, 0, 300); });
        disturbed("ppoll", [] { return ppoll(nullptr, 0, &time_of_a_wait, nullptr); });
        disturbed("select", [] {
            timeval left{0, 300'000};
            return select(0, nullptr, nullptr, nullptr, &left);
        });
        disturbed("pselect", [] { return pselect(0, nullptr, nullptr, nullptr, &time_of_a_wait, nullptr); });
        disturbed("futex", [] { return wait_on_word(FUTEX_WAIT, time_of_a_wait); });
        disturbed("futex, a point in time", [] {
            timespec until;
            clock_gettime(CLOCK_MONOTONIC, &until);
            ++until.tv_sec;
            return wait_on_word(FUTEX_WAIT_BITSET, until);
        });
        disturbed("epoll_wait", [] {
            const int fd = epoll_create1(0);
            epoll_event event;
            const Answer answer = epoll_wait(fd, &event, 1, 300);
            close(fd);
            errno = answer.error;
            return answer.result;
        });
        disturbed("sigtimedwait", [] {
            const sigset_t set = set_of({SIGUSR1});
            return sigtimedwait(&set, nullptr, &time_of_a_wait);
        });
    });
}

}  // namespace

int main() {
    std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
    handing_on();
    ignored();
}
