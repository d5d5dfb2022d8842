// SPDX-License-Identifier: Apache-2.0
// Torture of what threads wait with, across vCPUs: mutex, rwlock, barrier, semaphore, condition variable, futex rounds
// and requeues. argv[1]: futex rounds (default 5,000).
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <cstdlib>

#include "tests/guest/check.hpp"

namespace {

using guest_test::check;
using guest_test::check_equal;
using guest_test::passed;

constexpr int threads = 4;

// Runs body(0) to body(count - 1) in a thread each.
template <class Body>
void run_all(int count, Body body) {
    struct Start {
        Body* body;
        int number;
    };
    std::array<pthread_t, 16> ids{};
    std::array<Start, 16> starts{};
    for (int i = 0; i < count; ++i) {
        auto at = static_cast<std::size_t>(i);
        starts[at] = {&body, i};
        auto entry = [](void* argument) -> void* {
            const Start& start = *static_cast<Start*>(argument);
            (*start.body)(start.number);
            return nullptr;
        };
        check(pthread_create(&ids[at], nullptr, entry, &starts[at]) == 0);
    }
    for (int i = 0; i < count; ++i) check(pthread_join(ids[static_cast<std::size_t>(i)], nullptr) == 0);
}

void mutex_torture() {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    long count = 0;
    run_all(threads, [&](int) {
        for (int i = 0; i < 5000; ++i) {
            pthread_mutex_lock(&mutex);
            ++count;
            if (i % 64 == 0) sched_yield();
            pthread_mutex_unlock(&mutex);
        }
    });
    check_equal(count, threads * 5000L);
    passed("mutex");
}

void rwlock_torture() {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    volatile long a = 0, b = 0;
    run_all(threads, [&](int number) {
        for (int i = 0; i < 2000; ++i) {
            if ((i + number) % 4 == 0) {
                pthread_rwlock_wrlock(&lock);
                a = a + 1;
                if (i % 32 == 0) sched_yield();
                b = b + 1;
            } else {
                pthread_rwlock_rdlock(&lock);
                check(a == b);
            }
            pthread_rwlock_unlock(&lock);
        }
    });
    check_equal(a, threads * 500L);
    passed("rwlock");
}

void barrier_torture() {
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, nullptr, threads);
    std::atomic<int> inside = 0;
    std::atomic<int> serial = 0;
    run_all(threads, [&](int) {
        for (int i = 0; i < 500; ++i) {
            inside.fetch_add(1);
            if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) serial.fetch_add(1);
            check(inside.load() >= (i + 1) * threads);
        }
    });
    check_equal(serial.load(), 500);
    pthread_barrier_destroy(&barrier);
    passed("barrier");
}

void semaphore_torture() {
    sem_t full, room;
    sem_init(&full, 0, 0);
    sem_init(&room, 0, 3);
    std::atomic<int> stock = 0, moved = 0;
    run_all(threads, [&](int number) {
        for (int i = 0; i < 2000; ++i) {
            if (number % 2 == 0) {
                while (sem_wait(&room) != 0) {
                }
                check(stock.fetch_add(1) < 3);
                sem_post(&full);
            } else {
                while (sem_wait(&full) != 0) {
                }
                check(stock.fetch_sub(1) > 0);
                moved.fetch_add(1);
                sem_post(&room);
            }
        }
    });
    check_equal(moved.load(), 4000);
    passed("semaphore");
}

// A queue of one, with waiters on both sides and broadcasts in between: glibc requeues nothing, but wakes groups.
void condition_torture() {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    bool is_full = false;
    int moved = 0;
    run_all(threads, [&](int number) {
        for (int i = 0; i < 1500; ++i) {
            pthread_mutex_lock(&mutex);
            while (is_full == (number % 2 == 0)) pthread_cond_wait(&changed, &mutex);
            is_full = !is_full;
            ++moved;
            i % 3 == 0 ? pthread_cond_broadcast(&changed) : pthread_cond_signal(&changed);
            // A signal may have gone to a thread of the same side.
            if (i % 3 != 0) pthread_cond_broadcast(&changed);
            pthread_mutex_unlock(&mutex);
        }
    });
    check_equal(moved, threads * 1500);
    passed("condition variable");
}

long futex(std::atomic<int>& word, int operation, int value, long value2 = 0, std::atomic<int>* word2 = nullptr,
           int value3 = 0) {
    return syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, value2, word2, value3);
}

// Two threads hand a token to and fro; a wake-up that is lost leaves both asleep.
void futex_rounds(int rounds) {
    std::atomic<int> turn = 0;
    run_all(2, [&](int number) {
        for (int i = 0; i < rounds; ++i) {
            while (turn.load() != number) futex(turn, FUTEX_WAIT, 1 - number);
            turn.store(1 - number);
            futex(turn, FUTEX_WAKE, 1);
        }
    });
    passed("futex rounds");
}

// Waiters on one word are moved to another while they come and go; each is woken in the end.
void requeue_storm() {
    std::atomic<int> from = 0, to = 0, done = 0;
    constexpr int waiters = 6;
    run_all(waiters + 2, [&](int number) {
        if (number < waiters) {
            for (int i = 0; i < 500; ++i) futex(number % 2 == 0 ? from : to, FUTEX_WAIT, 0);
            done.fetch_add(1);
        } else if (number == waiters) {
            while (done.load() != waiters) {
                futex(from, FUTEX_CMP_REQUEUE, 1, INT_MAX, &to, 0);
                sched_yield();
            }
        } else {
            while (done.load() != waiters) {
                futex(to, FUTEX_WAKE, INT_MAX);
                futex(to, FUTEX_CMP_REQUEUE, 0, 1, &from, 0);
                futex(from, FUTEX_WAKE, 2);
                sched_yield();
            }
        }
    });
    passed("requeue storm");
}

}  // namespace

int main(int argc, char** argv) {
    mutex_torture();
    rwlock_torture();
    barrier_torture();
    semaphore_torture();
    condition_torture();
    futex_rounds(argc > 1 ? std::atoi(argv[1]) : 5'000);
    requeue_storm();
}
