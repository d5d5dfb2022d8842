// SPDX-License-Identifier: Apache-2.0
// Futexes and threads: who is woken and in which order, robust lists, thread ids, scheduling.
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/resource.h>

#include <memory>
#include <vector>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

std::atomic<unsigned> word = 0, other = 0;
const timespec bad_time{0, 2'000'000'000}, no_time{0, 0}, short_time{0, 20'000'000}, past{1, 0};

long futex(std::atomic<unsigned>& at, int operation, unsigned value, const void* time_or_count = nullptr,
           void* second = nullptr, unsigned third = 0) {
    errno = 0;
    return syscall(SYS_futex, &at, operation, value, time_or_count, second, third);
}
// The fourth argument as a count.
const void* count(long number) {
    // SAFETY: the kernel takes it as a number.
    return reinterpret_cast<const void*>(number);
}

void wrong_arguments() {
    word = 1;
    robust_list_head list = {};
    answer_all({
        {SYS_futex, "FUTEX_WAIT for another value", &word, FUTEX_WAIT, 2, 0},
        {SYS_futex, "FUTEX_WAIT with a bad time", &word, FUTEX_WAIT, 1, &bad_time},
        {SYS_futex, "FUTEX_WAIT with no time", &word, FUTEX_WAIT, 1, &no_time},
        {SYS_futex, "FUTEX_WAIT with a short time", &word, FUTEX_WAIT_PRIVATE, 1, &short_time},
        {SYS_futex, "FUTEX_WAIT with a time at a bad place", &word, FUTEX_WAIT, 1, nowhere},
        {SYS_futex, "FUTEX_WAIT at an odd address", 0x1001, FUTEX_WAIT, 1, 0},
        {SYS_futex, "FUTEX_WAIT at a bad place", 0x1000, FUTEX_WAIT, 1, 0},
        {SYS_futex, "FUTEX_WAIT_BITSET without bits", &word, FUTEX_WAIT_BITSET, 1, 0, 0, 0},
        {SYS_futex, "FUTEX_WAIT_BITSET until a past time", &word, FUTEX_WAIT_BITSET, 1, &past, 0, 1},
        {SYS_futex, "FUTEX_WAIT_BITSET until a past time of CLOCK_REALTIME", &word,
         FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &past, 0, 1},
        {SYS_futex, "FUTEX_WAKE with CLOCK_REALTIME", &word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1},
        {SYS_futex, "FUTEX_WAKE where nobody waits", &word, FUTEX_WAKE, 1},
        {SYS_futex, "FUTEX_WAKE at an odd address", 0x1001, FUTEX_WAKE, 1},
        {SYS_futex, "FUTEX_WAKE_BITSET without bits", &word, FUTEX_WAKE_BITSET, 1, 0, 0, 0},
        {SYS_futex, "FUTEX_REQUEUE where nobody waits", &word, FUTEX_REQUEUE, 1, 1, &other},
        {SYS_futex, "FUTEX_CMP_REQUEUE for another value", &word, FUTEX_CMP_REQUEUE, 1, 1, &other, 7},
        {SYS_futex, "FUTEX_CMP_REQUEUE a negative number", &word, FUTEX_CMP_REQUEUE, -1, 1, &other, 1},
        {SYS_futex, "FUTEX_REQUEUE to an odd address", &word, FUTEX_REQUEUE, 1, 1, 0x1001},
        {SYS_futex, "FUTEX_WAKE_OP at a bad second place", &word, FUTEX_WAKE_OP, 1, 1, 0x1000, 0},
        {SYS_futex, "FUTEX_FD", &word, FUTEX_FD, 0, 0},
        {SYS_futex, "an unknown operation", &word, 99, 0, 0},
        {SYS_set_robust_list, "a wrong size", &list, 8},
        {SYS_get_robust_list, "of nobody", 0x3ffffff, buffer, buffer + 8},
        {SYS_get_robust_list, "to a bad place", 0, nowhere, buffer},
        {SYS_get_robust_list, "the own one", 0, buffer, buffer + 8},
        {SYS_clone, "CLONE_SIGHAND without CLONE_VM", CLONE_SIGHAND, 0, 0, 0, 0},
        {SYS_clone, "CLONE_THREAD without CLONE_SIGHAND", CLONE_THREAD | CLONE_VM, 0, 0, 0, 0},
        {SYS_clone3, "too little", buffer, 8},
        {SYS_clone3, "a bad place", nowhere, 88},
        {SYS_sched_yield, "always works"},
        {SYS_sched_getaffinity, "too little", 0, 1, buffer},
        {SYS_sched_getaffinity, "of nobody", 0x3ffffff, 128, buffer},
        {SYS_sched_getaffinity, "to a bad place", 0, 128, nowhere},
        {SYS_sched_setaffinity, "to no CPU", 0, 8, buffer},
        {SYS_sched_setaffinity, "of nobody", 0x3ffffff, 8, "\1\0\0\0\0\0\0\0"},
        {SYS_sched_setaffinity, "from a bad place", 0, 8, nowhere},
        {SYS_sched_setaffinity, "to the first CPU", 0, 8, "\1\0\0\0\0\0\0\0"},
        {SYS_sched_getscheduler, "the own one", 0},
        {SYS_sched_getscheduler, "of nobody", 0x3ffffff},
        {SYS_sched_getscheduler, "a negative id", -1},
        {SYS_sched_getparam, "the own ones", 0, buffer},
        {SYS_sched_getparam, "no place", 0, 0},
        {SYS_sched_getparam, "a negative id", -1, buffer},
        {SYS_sched_getparam, "of nobody", 0x3ffffff, buffer},
        {SYS_sched_setscheduler, "SCHED_OTHER with priority 0", 0, SCHED_OTHER, buffer},
        {SYS_sched_setscheduler, "SCHED_OTHER with priority 1", 0, SCHED_OTHER, "\1\0\0\0"},
        {SYS_sched_setscheduler, "an unknown policy", 0, 99, buffer},
        {SYS_sched_setscheduler, "no parameters", 0, SCHED_OTHER, 0},
        {SYS_sched_setscheduler, "SCHED_FIFO with priority 0", 0, SCHED_FIFO, buffer},
        {SYS_sched_setparam, "priority 0", 0, buffer},
        {SYS_sched_setparam, "priority 1 of SCHED_OTHER", 0, "\1\0\0\0"},
        {SYS_sched_setparam, "no parameters", 0, 0},
        {SYS_sched_get_priority_max, "SCHED_FIFO", SCHED_FIFO},
        {SYS_sched_get_priority_max, "SCHED_OTHER", SCHED_OTHER},
        {SYS_sched_get_priority_max, "SCHED_DEADLINE", 6},
        {SYS_sched_get_priority_max, "unknown", 99},
        {SYS_sched_get_priority_min, "SCHED_RR", SCHED_RR},
        {SYS_sched_get_priority_min, "SCHED_BATCH", SCHED_BATCH},
        {SYS_sched_get_priority_min, "unknown", 99},
        {SYS_getcpu, "nothing", 0, 0, 0},
        {SYS_getcpu, "a bad place", nowhere, 0, 0},
        {SYS_membarrier, "unknown", 0x4000, 0, 0},
        {SYS_membarrier, "a flag", MEMBARRIER_CMD_QUERY, 8, 0},
        {SYS_membarrier, "MEMBARRIER_CMD_GLOBAL", MEMBARRIER_CMD_GLOBAL, 0, 0},
        {SYS_membarrier, "private, before it is announced", MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0},
        {SYS_membarrier, "announce it", MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0},
        {SYS_membarrier, "private, afterwards", MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0},
    });
}

void waiting() {
    scenario(SYS_futex, "FUTEX_WAIT waits until it is woken", [] {
        word = 5;
        Caller waiter([] { return futex(word, FUTEX_WAIT_PRIVATE, 5); });
        waiter.waits();
        word = 6;
        rest_ms(10);
        holds("a changed value does not end it", !waiter.is_back());
        is("woken", futex(word, FUTEX_WAKE_PRIVATE, 1));
        answers("then", waiter.join());
    });
    scenario(SYS_futex, "FUTEX_WAIT and a signal", [] {
        word = 5;
        interrupted([] { return futex(word, FUTEX_WAIT_PRIVATE, 5); }, [] { futex(word, FUTEX_WAKE_PRIVATE, 1); });
    });
    scenario(SYS_futex, "FUTEX_WAIT with a time and a signal: SA_RESTART goes on", [] {
        word = 5;
        const timespec long_time{100, 0};
        interrupted([&] { return futex(word, FUTEX_WAIT_PRIVATE, 5, &long_time); },
                    [] { futex(word, FUTEX_WAKE_PRIVATE, 1); });
    });
    scenario(SYS_futex, "FUTEX_WAKE wakes in the order of waiting, as many as asked", [] {
        word = 1;
        std::atomic<int> turn = 0;
        std::vector<std::unique_ptr<Caller>> waiters;
        for (int i = 0; i < 4; ++i) {
            waiters.push_back(std::make_unique<Caller>([&] {
                const long result = futex(word, FUTEX_WAIT_PRIVATE, 1);
                return result == 0 ? ++turn : -1;
            }));
            waiters.back()->sleeps();
        }
        for (int i = 0; i < 2; ++i) {
            is("woken", futex(word, FUTEX_WAKE_PRIVATE, 1));
            is("turn of the next", waiters[static_cast<std::size_t>(i)]->join().result);
        }
        is("the rest", futex(word, FUTEX_WAKE_PRIVATE, 100));
        is("nobody", futex(word, FUTEX_WAKE_PRIVATE, 100));
    });
    scenario(SYS_futex, "FUTEX_WAIT_BITSET: only waiters with a common bit", [] {
        word = 1;
        Caller one([] { return futex(word, FUTEX_WAIT_BITSET_PRIVATE, 1, nullptr, nullptr, 1); });
        one.sleeps();
        Caller two([] { return futex(word, FUTEX_WAIT_BITSET_PRIVATE, 1, nullptr, nullptr, 2); });
        two.sleeps();
        is("bit 2", futex(word, FUTEX_WAKE_BITSET_PRIVATE, 9, nullptr, nullptr, 2));
        answers("second", two.join());
        holds("first waits", !one.is_back());
        is("bit 4", futex(word, FUTEX_WAKE_BITSET_PRIVATE, 9, nullptr, nullptr, 4));
        is("any", futex(word, FUTEX_WAKE_PRIVATE, 9));
        answers("first", one.join());
    });
    scenario(SYS_futex, "FUTEX_CMP_REQUEUE wakes some and moves the rest", [] {
        word = 3, other = 3;
        std::vector<std::unique_ptr<Caller>> waiters;
        for (int i = 0; i < 3; ++i) {
            waiters.push_back(std::make_unique<Caller>([] { return futex(word, FUTEX_WAIT_PRIVATE, 3); }));
            waiters.back()->sleeps();
        }
        is("woken and moved", futex(word, FUTEX_CMP_REQUEUE_PRIVATE, 1, count(10), &other, 3));
        answers("first", waiters[0]->join());
        is("left at the first", futex(word, FUTEX_WAKE_PRIVATE, 10));
        is("at the second", futex(other, FUTEX_WAKE_PRIVATE, 10));
    });
    scenario(SYS_futex, "FUTEX_WAKE_OP changes the second and wakes there if it compares", [] {
        word = 0, other = 5;
        Caller first([] { return futex(word, FUTEX_WAIT_PRIVATE, 0); });
        first.sleeps();
        Caller second([] { return futex(other, FUTEX_WAIT_PRIVATE, 5); });
        second.sleeps();
        is("not greater",
           futex(word, FUTEX_WAKE_OP_PRIVATE, 1, count(1), &other, FUTEX_OP(FUTEX_OP_ADD, 2, FUTEX_OP_CMP_GT, 5)));
        is("changed", other);
        is("equal",
           futex(word, FUTEX_WAKE_OP_PRIVATE, 1, count(1), &other, FUTEX_OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_EQ, 7)));
        is("changed", other);
        answers("first", first.join());
        answers("second", second.join());
    });
    scenario(SYS_futex, "a time that passes", [] {
        word = 1;
        Stopwatch time;
        answers("relative", futex(word, FUTEX_WAIT_PRIVATE, 1, &short_time));
        holds("waited", time.ms() >= 20);
        timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 1;
        Caller waiter(
            [&] { return futex(word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 1, &until, nullptr, ~0u); });
        waiter.waits();
        answers("absolute", waiter.join());
    });
}

void mutexes() {
    scenario(SYS_set_robust_list, "the next owner hears of the death of the last", [] {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        static pthread_mutex_t mutex;
        pthread_mutex_init(&mutex, &attributes);
        std::thread([] { pthread_mutex_lock(&mutex); }).join();
        is("EOWNERDEAD", pthread_mutex_lock(&mutex) == EOWNERDEAD);
        is("made consistent", pthread_mutex_consistent(&mutex));
        is("unlocked", pthread_mutex_unlock(&mutex));
        is("locked", pthread_mutex_lock(&mutex));
        pthread_mutex_unlock(&mutex);
        // And while somebody waits.
        std::atomic<bool> locked = false, end = false;
        std::thread owner([&] {
            pthread_mutex_lock(&mutex);
            locked = true;
            while (!end) rest_ms(1);
        });
        while (!locked) rest_ms(1);
        Caller waiter([] { return pthread_mutex_lock(&mutex); });
        waiter.waits();
        end = true;
        owner.join();
        is("EOWNERDEAD", waiter.join().result == EOWNERDEAD);
    });
    scenario(SYS_set_tid_address, "the word is zeroed and woken when the thread ends", [] {
        static std::atomic<unsigned> id;
        id = 7;
        std::thread([] {
            holds("answers the id", syscall(SYS_set_tid_address, &id) == syscall(SYS_gettid));
            // Without pthread's own end, which waits for the word that it gave the kernel.
            syscall(SYS_exit, 0);
        }).detach();
        while (id != 0) futex(id, FUTEX_WAIT, 7, &short_time);
        is("word", id);
    });
    scenario(SYS_gettid, "ids differ, and the first is the process'", [] {
        holds("first", syscall(SYS_gettid) == getpid());
        long first = 0, second = 0;
        std::thread([&] { first = syscall(SYS_gettid); }).join();
        std::thread([&] { second = syscall(SYS_gettid); }).join();
        holds("others", first != getpid() && second != getpid());
    });
    scenario(SYS_sched_setaffinity, "a thread inherits and keeps its CPUs", [] {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(0, &set);
        answers("set", sched_setaffinity(0, sizeof set, &set));
        std::thread([] {
            cpu_set_t mine;
            CPU_ZERO(&mine);
            sched_getaffinity(0, sizeof mine, &mine);
            is("CPUs", CPU_COUNT(&mine));
            unsigned cpu = 99;
            syscall(SYS_getcpu, &cpu, nullptr, nullptr);
            is("CPU", cpu);
        }).join();
    });
    scenario(SYS_clone, "a new thread has the flags' effects", [] {
        static char stack[1 << 16];
        static std::atomic<int> tid_word, done;
        static pid_t parent_word;
        const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                          CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
        tid_word = 1;
        const int tid = clone(
            [](void*) {
                done = 1;
                syscall(SYS_exit, 0);
                return 0;
            },
            stack + sizeof stack, flags, nullptr, &parent_word, nullptr, &tid_word);
        holds("an id", tid > 0);
        holds("told to the parent", parent_word == tid);
        while (tid_word != 0) rest_ms(1);
        is("ran", done);
        answers("ended", syscall(SYS_tgkill, getpid(), tid, 0));
    });
}

}  // namespace

int main() {
    wrong_arguments();
    waiting();
    mutexes();
}
