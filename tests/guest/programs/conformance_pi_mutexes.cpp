// SPDX-License-Identifier: Apache-2.0
// Mutexes that the kernel hands over, FUTEX_LOCK_PI and its kin: who gets them, what ends a wait, and the death of an
// owner.
#include <linux/futex.h>
#include <pthread.h>

#include <memory>
#include <vector>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

std::atomic<unsigned> word = 0, other = 0;
const timespec bad_time{0, 2'000'000'000}, past{1, 0};
alignas(4) const char no_mutex[4] = {};
constexpr unsigned nobody = 0x3fffff;  // more than any id

long futex(std::atomic<unsigned>& at, int operation, const timespec* until = nullptr) {
    errno = 0;
    return syscall(SYS_futex, &at, operation | FUTEX_PRIVATE_FLAG, 0, until, nullptr, 0);
}
unsigned own_id() { return static_cast<unsigned>(syscall(SYS_gettid)); }
void id_is(const char* what, unsigned id) { holds(what, (word & FUTEX_TID_MASK) == id); }

timespec after_ms(clockid_t clock, long ms) {
    timespec now;
    clock_gettime(clock, &now);
    now.tv_nsec += ms * 1'000'000;
    now.tv_sec += now.tv_nsec / 1'000'000'000;
    now.tv_nsec %= 1'000'000'000;
    return now;
}

void without_waiting() {
    word = own_id();
    other = nobody;
    answer_all({
        {SYS_futex, "FUTEX_LOCK_PI of what is locked already", &word, FUTEX_LOCK_PI, 0, 0},
        {SYS_futex, "FUTEX_TRYLOCK_PI of what is locked already", &word, FUTEX_TRYLOCK_PI},
        {SYS_futex, "FUTEX_LOCK_PI with an owner that is no thread", &other, FUTEX_LOCK_PI, 0, 0},
        {SYS_futex, "FUTEX_LOCK_PI with a bad time", &word, FUTEX_LOCK_PI, 0, &bad_time},
        {SYS_futex, "FUTEX_LOCK_PI with CLOCK_REALTIME", &word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, 0},
        {SYS_futex, "FUTEX_LOCK_PI at an odd address", 0x1001, FUTEX_LOCK_PI, 0, 0},
        {SYS_futex, "FUTEX_LOCK_PI at a bad place", 0x1000, FUTEX_LOCK_PI, 0, 0},
        {SYS_futex, "FUTEX_LOCK_PI where nothing may be written", no_mutex, FUTEX_LOCK_PI, 0, 0},
        {SYS_futex, "FUTEX_UNLOCK_PI of another's", &other, FUTEX_UNLOCK_PI},
        {SYS_futex, "FUTEX_UNLOCK_PI at a bad place", 0x1000, FUTEX_UNLOCK_PI},
        {SYS_futex, "FUTEX_UNLOCK_PI of the own one", &word, FUTEX_UNLOCK_PI},
        {SYS_futex, "FUTEX_UNLOCK_PI of what is not locked", &word, FUTEX_UNLOCK_PI},
        {SYS_futex, "FUTEX_TRYLOCK_PI of what is not locked", &word, FUTEX_TRYLOCK_PI},
        {SYS_futex, "FUTEX_UNLOCK_PI after it", &word, FUTEX_UNLOCK_PI},
        {SYS_futex, "FUTEX_LOCK_PI of what is not locked", &word, FUTEX_LOCK_PI, 0, 0},
    });
    scenario(SYS_futex, "FUTEX_LOCK_PI writes the owner's id", [] {
        id_is("id", own_id());
        holds("no flag", (word & ~unsigned{FUTEX_TID_MASK}) == 0);
        answers("unlocked", futex(word, FUTEX_UNLOCK_PI));
        is("word", word);
    });
}

void waiting() {
    scenario(SYS_futex, "FUTEX_LOCK_PI waits until the owner unlocks, and is the owner then", [] {
        answers("locked", futex(word, FUTEX_LOCK_PI));
        std::atomic<bool> is_owner = false;
        Caller waiter([&] {
            const long result = futex(word, FUTEX_LOCK_PI);
            is_owner = (word & FUTEX_TID_MASK) == own_id();
            return result == 0 ? futex(word, FUTEX_UNLOCK_PI) : result;
        });
        waiter.waits();
        holds("waiters are marked", (word & FUTEX_WAITERS) != 0);
        answers("the owner tries", futex(word, FUTEX_TRYLOCK_PI));
        Caller trier([] { return futex(word, FUTEX_TRYLOCK_PI); });
        answers("another tries", trier.join());
        const Answer unlocked = futex(word, FUTEX_UNLOCK_PI);
        answers("then it locks and unlocks", waiter.join());
        answers("unlocked", unlocked);
        holds("it was the owner", is_owner);
        is("word", word);
    });
    scenario(SYS_futex, "FUTEX_UNLOCK_PI hands over in the order of waiting", [] {
        futex(word, FUTEX_LOCK_PI);
        std::atomic<int> turn = 0;
        std::vector<std::unique_ptr<Caller>> waiters;
        for (int i = 0; i < 3; ++i) {
            waiters.push_back(std::make_unique<Caller>([&] {
                futex(word, FUTEX_LOCK_PI);
                const int mine = ++turn;
                rest_ms(5);
                futex(word, FUTEX_UNLOCK_PI);
                return mine;
            }));
            waiters.back()->sleeps();
        }
        futex(word, FUTEX_UNLOCK_PI);
        for (auto& waiter : waiters) is("turn", waiter->join().result);
        is("word", word);
    });
    scenario(SYS_futex, "FUTEX_LOCK_PI waits until a time of CLOCK_REALTIME, FUTEX_LOCK_PI2 of CLOCK_MONOTONIC", [] {
        futex(word, FUTEX_LOCK_PI);
        Caller late([] { return futex(word, FUTEX_LOCK_PI, &past); });
        answers("a past one", late.join());
        for (const bool is_second : {false, true}) {
            Stopwatch time;
            const timespec until = after_ms(is_second ? CLOCK_MONOTONIC : CLOCK_REALTIME, 30);
            Caller timed([&] { return futex(word, is_second ? FUTEX_LOCK_PI2 : FUTEX_LOCK_PI, &until); });
            answers("one to come", timed.join());
            holds("waited", time.ms() >= 29);
        }
        answers("unlocked", futex(word, FUTEX_UNLOCK_PI));
        is("word", word);
    });
    scenario(SYS_futex, "FUTEX_LOCK_PI goes on after a handler, without SA_RESTART too", [] {
        futex(word, FUTEX_LOCK_PI);
        Handler handler(SIGUSR1);
        Caller waiter([] {
            const long result = futex(word, FUTEX_LOCK_PI);
            futex(word, FUTEX_UNLOCK_PI);
            return result;
        });
        waiter.sleeps();
        waiter.signal(SIGUSR1);
        while (handled == 0) rest_ms(1);
        waiter.waits();
        futex(word, FUTEX_UNLOCK_PI);
        answers("then", waiter.join());
    });
    scenario(SYS_futex, "FUTEX_LOCK_PI does not wait in a circle", [] {
        futex(word, FUTEX_LOCK_PI);
        Caller second([] {
            other = 0;
            futex(other, FUTEX_LOCK_PI);
            futex(word, FUTEX_LOCK_PI);
            futex(word, FUTEX_UNLOCK_PI);
            return futex(other, FUTEX_UNLOCK_PI);
        });
        second.waits();
        answers("the other way round", futex(other, FUTEX_LOCK_PI));
        futex(word, FUTEX_UNLOCK_PI);
        answers("the second", second.join());
    });
}

void deaths() {
    scenario(SYS_futex, "FUTEX_LOCK_PI: an owner's end hands over, marked", [] {
        word = 0;
        std::atomic<bool> locked = false, end = false;
        std::thread owner([&] {
            futex(word, FUTEX_LOCK_PI);
            locked = true;
            while (!end) rest_ms(1);
        });
        while (!locked) rest_ms(1);
        Caller waiter([] {
            const long result = futex(word, FUTEX_LOCK_PI);
            id_is("id", own_id());
            holds("marked", (word & FUTEX_OWNER_DIED) != 0);
            futex(word, FUTEX_UNLOCK_PI);
            return result;
        });
        waiter.waits();
        end = true;
        owner.join();
        answers("then", waiter.join());
        is("word", word);
    });
    scenario(SYS_set_robust_list, "a robust mutex with priority inheritance: the next owner hears of the death", [] {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        is("robust", pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
        is("inherits", pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
        static pthread_mutex_t mutex;
        is("made", pthread_mutex_init(&mutex, &attributes));
        std::thread([] { pthread_mutex_lock(&mutex); }).join();
        is("EOWNERDEAD", pthread_mutex_lock(&mutex) == EOWNERDEAD);
        is("made consistent", pthread_mutex_consistent(&mutex));
        Caller waiter([] {
            const int result = pthread_mutex_lock(&mutex);
            pthread_mutex_unlock(&mutex);
            return result;
        });
        waiter.waits();
        is("unlocked", pthread_mutex_unlock(&mutex));
        answers("the waiter", waiter.join());
    });
}

void pthread_mutexes() {
    scenario(SYS_futex, "FUTEX_LOCK_PI under many threads: PTHREAD_PRIO_INHERIT keeps a counter right", [] {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
        static pthread_mutex_t mutex;
        pthread_mutex_init(&mutex, &attributes);
        static long counter = 0;
        std::vector<std::thread> threads;
        threads.reserve(4);
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([] {
                for (int round = 0; round < 2000; ++round) {
                    pthread_mutex_lock(&mutex);
                    ++counter;
                    // While it is locked, so that others come and wait.
                    if (round % 50 == 0) sched_yield();
                    pthread_mutex_unlock(&mutex);
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
        is("counter", counter);
    });
}

}  // namespace

int main() {
    without_waiting();
    waiting();
    deaths();
    pthread_mutexes();
}
