// SPDX-License-Identifier: Apache-2.0
// One address space, many vCPUs: what munmap, mprotect, madvise, mremap and copy-on-write take away is gone everywhere
// when they return; malloc and free from all threads.
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "tests/guest/check.hpp"

namespace {

using guest_test::check;
using guest_test::check_equal;
using guest_test::passed;

constexpr std::size_t page = 4096;

thread_local sigjmp_buf on_fault;
thread_local volatile bool expects_fault = false;

void handle_fault(int, siginfo_t*, void*) {
    if (!expects_fault) std::abort();
    siglongjmp(on_fault, 1);
}

// The byte, or -1 when the access faults.
int try_read(const volatile unsigned char* at) {
    if (sigsetjmp(on_fault, 0) != 0) {
        expects_fault = false;
        return -1;
    }
    expects_fault = true;
    const int value = *at;
    expects_fault = false;
    return value;
}

bool try_write(volatile unsigned char* at, unsigned char value) {
    if (sigsetjmp(on_fault, 0) != 0) {
        expects_fault = false;
        return false;
    }
    expects_fault = true;
    *at = value;
    expects_fault = false;
    return true;
}

template <class Body>
class Threads {
public:
    Threads(int count, Body body) : body_(body), count_(count) {
        for (int i = 0; i < count; ++i) {
            auto at = static_cast<std::size_t>(i);
            starts_[at] = {this, i};
            check(pthread_create(&ids_[at], nullptr, enter, &starts_[at]) == 0);
        }
    }
    void join() {
        for (int i = 0; i < count_; ++i) check(pthread_join(ids_[static_cast<std::size_t>(i)], nullptr) == 0);
    }

private:
    struct Start {
        Threads* threads;
        int number;
    };
    static void* enter(void* argument) {
        const Start& start = *static_cast<Start*>(argument);
        start.threads->body_(start.number);
        return nullptr;
    }
    Body body_;
    int count_;
    std::array<pthread_t, 8> ids_{};
    std::array<Start, 8> starts_{};
};

unsigned char* map_pages(std::size_t pages, void* at = nullptr) {
    void* place = mmap(at, pages * page, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | (at != nullptr ? MAP_FIXED : 0), -1, 0);
    check(place != MAP_FAILED);
    return static_cast<unsigned char*>(place);
}

// What a reader may see is said by `phase`: it is raised before a change begins and again when the call has returned.
// A reader that finds the same even phase before and after its access must have seen what belongs to it.
struct Watch {
    std::atomic<unsigned> phase = 0;
    std::atomic<bool> is_over = false;
    std::atomic<unsigned long> looks = 0;
};

template <class Expect>
void watch(Watch& w, const volatile unsigned char* at, Expect expect) {
    while (!w.is_over.load()) {
        const unsigned before = w.phase.load();
        const int seen = try_read(at);
        const unsigned after = w.phase.load();
        if (before == after && before % 2 == 0) {
            check_equal(seen, expect(before / 2));
            w.looks.fetch_add(1, std::memory_order_relaxed);
        }
    }
}

template <class Change, class Expect>
void change_while_watched(const char* name, unsigned char* at, int rounds, Change change, Expect expect) {
    Watch w;
    Threads readers(3, [&](int) { watch(w, at, expect); });
    for (int i = 0; i < rounds; ++i) {
        w.phase.fetch_add(1);
        change(static_cast<unsigned>(i) + 1);
        w.phase.fetch_add(1);
        if (i % 8 == 0) sched_yield();
    }
    w.is_over = true;
    readers.join();
    passed(name);
}

void unmap_and_map() {
    unsigned char* at = map_pages(1);
    *at = 0;
    change_while_watched(
        "munmap and mmap", at, 40,
        [at](unsigned step) {
            if (step % 2 == 1) {
                check(munmap(at, page) == 0);
            } else {
                check(map_pages(1, at) == at);
                *at = static_cast<unsigned char>(step);
            }
        },
        [](unsigned step) { return step % 2 == 1 ? -1 : static_cast<int>(step & 0xff); });
    munmap(at, page);
}

void protect() {
    unsigned char* at = map_pages(4);
    *at = 7;
    change_while_watched(
        "mprotect", at, 40,
        [at](unsigned step) { check(mprotect(at, 4 * page, step % 2 == 1 ? PROT_NONE : PROT_READ | PROT_WRITE) == 0); },
        [](unsigned step) { return step % 2 == 1 ? -1 : 7; });
    munmap(at, 4 * page);
}

void discard() {
    unsigned char* at = map_pages(1);
    *at = 9;
    change_while_watched(
        "madvise", at, 40,
        [at](unsigned step) {
            if (step % 2 == 1) {
                check(madvise(at, page, MADV_DONTNEED) == 0);
            } else {
                *at = 9;
            }
        },
        [](unsigned step) { return step % 2 == 1 ? 0 : 9; });
    munmap(at, page);
}

void replace() {
    unsigned char* at = map_pages(1);
    *at = 0;
    change_while_watched(
        "mmap over a mapping", at, 40,
        [at](unsigned step) {
            check(map_pages(1, at) == at);
            *at = static_cast<unsigned char>(step);
        },
        [](unsigned step) { return static_cast<int>(step & 0xff); });
    munmap(at, page);
}

void move() {
    unsigned char* a = map_pages(2);
    munmap(a + page, page);
    unsigned char* b = map_pages(1);
    *a = 5;
    munmap(b, page);
    change_while_watched(
        "mremap", a, 40,
        [a, b](unsigned step) {
            void* from = step % 2 == 1 ? a : b;
            void* to = step % 2 == 1 ? b : a;
            check(mremap(from, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
        },
        [](unsigned step) { return step % 2 == 1 ? -1 : 5; });
}

// A private mapping of a file: all vCPUs have read the file's page when one writes its own copy.
void copy_on_write() {
    char name[] = "/tmp/smp-XXXXXX";
    const int file = mkstemp(name);
    check(file >= 0 && unlink(name) == 0);
    std::array<unsigned char, page> bytes;
    bytes.fill(3);
    check(write(file, bytes.data(), page) == static_cast<ssize_t>(page));
    auto* at = static_cast<unsigned char*>(mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0));
    check(at != MAP_FAILED && *at == 3);
    change_while_watched(
        "copy on write", at, 40,
        [&](unsigned step) {
            if (step % 2 == 1) {
                *at = 4;
            } else {
                check(mmap(at, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file, 0) == at);
            }
        },
        [](unsigned step) { return step % 2 == 1 ? 4 : 3; });
    munmap(at, page);
    close(file);
}

// Frames that were unmapped must not be written any more once they belong to somebody else.
void late_writers() {
    constexpr int rounds = 20;
    std::atomic<unsigned char*> target = nullptr;
    std::atomic<bool> is_over = false;
    Threads writers(2, [&](int) {
        while (!is_over.load()) {
            unsigned char* at = target.load();
            if (at != nullptr) (void)try_write(at + 100, 0xee);
        }
    });
    for (int i = 0; i < rounds; ++i) {
        unsigned char* at = map_pages(1);
        target = at;
        for (int wait = 0; wait < 200 && at[100] != 0xee; ++wait) sched_yield();
        target = nullptr;
        check(munmap(at, page) == 0);
        // 16 pages elsewhere: one of them gets the frame.
        unsigned char* fresh = map_pages(17);
        for (std::size_t p = 0; p < 16; ++p) fresh[p * page] = 1;
        for (int wait = 0; wait < 20; ++wait) {
            for (std::size_t p = 0; p < 16; ++p) {
                // A writer that still has the address may hit a mapping at the same place: not its old frame's.
                if (fresh + p * page != at) check(fresh[p * page + 100] == 0);
            }
            sched_yield();
        }
        munmap(fresh, 17 * page);
    }
    is_over = true;
    writers.join();
    passed("frames change hands");
}

void parallel_malloc() {
    Threads users(4, [](int number) {
        std::array<unsigned char*, 64> blocks{};
        std::array<std::size_t, 64> sizes{};
        unsigned random = static_cast<unsigned>(number) + 1;
        for (int i = 0; i < 1'500; ++i) {
            random = random * 1'664'525 + 1'013'904'223;
            const std::size_t at = random >> 26;
            if (blocks[at] != nullptr) {
                check(blocks[at][0] == static_cast<unsigned char>(at ^ static_cast<unsigned>(number)));
                check(blocks[at][sizes[at] - 1] == blocks[at][0]);
                std::free(blocks[at]);
                blocks[at] = nullptr;
                continue;
            }
            sizes[at] = i % 200 == 0 ? 300'000 : 1 + (random >> 8) % 2000;
            blocks[at] = static_cast<unsigned char*>(std::malloc(sizes[at]));
            check(blocks[at] != nullptr);
            blocks[at][0] = blocks[at][sizes[at] - 1] = static_cast<unsigned char>(at ^ static_cast<unsigned>(number));
        }
        for (unsigned char* block : blocks) std::free(block);
    });
    users.join();
    passed("parallel malloc and free");
}

void parallel_mappings() {
    Threads users(4, [](int number) {
        for (int i = 0; i < 30; ++i) {
            const std::size_t pages = 1 + static_cast<std::size_t>(i % 40) * (i % 50 == 0 ? 20 : 1);
            unsigned char* at = map_pages(pages);
            for (std::size_t p = 0; p < pages; ++p) check(at[p * page] == 0);
            for (std::size_t p = 0; p < pages; ++p) at[p * page] = static_cast<unsigned char>(number + 1);
            check(mprotect(at, page, PROT_READ) == 0);
            for (std::size_t p = 0; p < pages; ++p) check(at[p * page] == static_cast<unsigned char>(number + 1));
            check(munmap(at, pages * page) == 0);
        }
    });
    users.join();
    passed("parallel mappings");
}

}  // namespace

int main() {
    struct sigaction action = {};
    action.sa_sigaction = handle_fault;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
    unmap_and_map();
    protect();
    discard();
    replace();
    move();
    copy_on_write();
    late_writers();
    parallel_malloc();
    parallel_mappings();
}
