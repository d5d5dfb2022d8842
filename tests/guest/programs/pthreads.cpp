// SPDX-License-Identifier: Apache-2.0
// What only pthreads has: cancellation, clean-up handlers, detached threads, small stacks, timed joins, barriers.
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <climits>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

std::atomic<int> cleaned = 0, ran = 0;

void clean_up(void*) { ++cleaned; }

void cancellation() {
    pthread_t thread{};
    check_equal(pthread_create(
                    &thread, nullptr,
                    [](void*) -> void* {
                        pthread_cleanup_push(clean_up, nullptr);
                        for (;;) pause();
                        pthread_cleanup_pop(0);
                    },
                    nullptr),
                0);
    usleep(10'000);
    check_equal(pthread_cancel(thread), 0);
    void* result = nullptr;
    check_equal(pthread_join(thread, &result), 0);
    check(result == PTHREAD_CANCELED && cleaned == 1);
}

void results() {
    pthread_t thread{};
    static int value = 5;
    check_equal(pthread_create(
                    &thread, nullptr, [](void* argument) -> void* { pthread_exit(argument); }, &value),
                0);
    void* result = nullptr;
    check_equal(pthread_join(thread, &result), 0);
    check(result == &value);
}

void small_and_detached() {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    check_equal(pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN), 0);
    check_equal(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED), 0);
    for (int i = 0; i < 300; ++i) {
        pthread_t thread{};
        check_equal(pthread_create(
                        &thread, &attributes,
                        [](void*) -> void* {
                            ++ran;
                            return nullptr;
                        },
                        nullptr),
                    0);
        while (ran <= i) sched_yield();
    }
}

void own_stack() {
    alignas(4096) static char stack[65536];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    check_equal(pthread_attr_setstack(&attributes, stack, sizeof stack), 0);
    pthread_t thread{};
    check_equal(pthread_create(
                    &thread, &attributes,
                    [](void*) -> void* {
                        const char here = 0;
                        check(&here > stack && &here < stack + sizeof stack);
                        return nullptr;
                    },
                    nullptr),
                0);
    check_equal(pthread_join(thread, nullptr), 0);
}

void timed() {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    check_equal(pthread_mutex_lock(&mutex), 0);
    check_equal(pthread_mutex_trylock(&mutex), EBUSY);
    timespec until{};
    clock_gettime(CLOCK_REALTIME, &until);
    check_equal(pthread_mutex_timedlock(&mutex, &until), ETIMEDOUT);
    sem_t semaphore;
    check_equal(sem_init(&semaphore, 0, 1), 0);
    check_equal(sem_wait(&semaphore), 0);
    check_fails(sem_trywait(&semaphore), EAGAIN);
    check_fails(sem_timedwait(&semaphore, &until), ETIMEDOUT);
    check_equal(sem_post(&semaphore), 0);
    check_equal(sem_wait(&semaphore), 0);
    pthread_t sleeper{};
    pthread_create(
        &sleeper, nullptr, [](void*) -> void* { return usleep(30'000), nullptr; }, nullptr);
    check_equal(pthread_timedjoin_np(sleeper, nullptr, &until), ETIMEDOUT);
    check_equal(pthread_join(sleeper, nullptr), 0);
}

void recursive_and_checked() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_t mutex;
    pthread_mutex_init(&mutex, &attributes);
    for (int i = 0; i < 3; ++i) check_equal(pthread_mutex_lock(&mutex), 0);
    for (int i = 0; i < 3; ++i) check_equal(pthread_mutex_unlock(&mutex), 0);
    check_equal(pthread_mutex_unlock(&mutex), EPERM);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &attributes);
    check_equal(pthread_mutex_lock(&mutex), 0);
    check_equal(pthread_mutex_lock(&mutex), EDEADLK);
}

}  // namespace

int main() {
    cancellation();
    passed("cancellation");
    results();
    passed("results");
    small_and_detached();
    passed("small stacks, detached");
    own_stack();
    passed("own stack");
    timed();
    passed("timed waits");
    recursive_and_checked();
    passed("recursive and checked mutexes");
}
