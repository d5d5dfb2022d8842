// SPDX-License-Identifier: Apache-2.0
// mmap, munmap, mprotect, mremap, madvise, brk, mincore: what they map, refuse, keep and zero.
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

constexpr std::size_t page = 4096, mib = std::size_t{1} << 20;
constexpr int read_write = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

sigjmp_buf escape;

char* map(std::size_t size, int protection = read_write, int flags = anonymous) {
    void* at = mmap(nullptr, size, protection, flags, -1, 0);
    check(at != MAP_FAILED);
    return static_cast<char*>(at);
}

template <class Access>
bool faults(Access access) {
    if (sigsetjmp(escape, 1) != 0) return true;
    access();
    return false;
}
bool read_faults(const volatile char* at) {
    return faults([=] { (void)*at; });
}
bool write_faults(volatile char* at) {
    return faults([=] { *at = 1; });
}

void maps_and_unmaps() {
    char* at = map(64 * page);
    for (std::size_t i = 0; i < 64; ++i) check(at[i * page] == 0);
    std::memset(at, 1, 64 * page);
    check_equal(munmap(at + 16 * page, 16 * page), 0);
    check(!read_faults(at + 15 * page) && read_faults(at + 16 * page) && read_faults(at + 31 * page) &&
          !read_faults(at + 32 * page));
    char* again =
        static_cast<char*>(mmap(at + 16 * page, 16 * page, read_write, anonymous | MAP_FIXED_NOREPLACE, -1, 0));
    check(again == at + 16 * page && again[0] == 0 && at[0] == 1);
    check_fails(reinterpret_cast<long>(mmap(at, page, read_write, anonymous | MAP_FIXED_NOREPLACE, -1, 0)), EEXIST);
    check(mmap(at, page, read_write, anonymous | MAP_FIXED, -1, 0) == at && at[0] == 0 && at[page] == 1);
    check_equal(munmap(at, 64 * page), 0);
    check(read_faults(at) && read_faults(at + 63 * page));
    check_equal(munmap(at, 64 * page), 0);
    check_fails(munmap(at + 1, page), EINVAL);
    check_fails(munmap(at, 0), EINVAL);
    check_fails(reinterpret_cast<long>(mmap(nullptr, 0, read_write, anonymous, -1, 0)), EINVAL);
    check_fails(reinterpret_cast<long>(mmap(nullptr, page, read_write, MAP_ANONYMOUS, -1, 0)), EINVAL);
    check_fails(reinterpret_cast<long>(mmap(nullptr, page, read_write, MAP_PRIVATE, -1, 0)), EBADF);
}

void protects() {
    char* at = map(8 * page);
    std::memset(at, 7, 8 * page);
    check_equal(mprotect(at + 2 * page, 2 * page, PROT_READ), 0);
    check(!write_faults(at + page) && write_faults(at + 2 * page) && write_faults(at + 3 * page) &&
          !write_faults(at + 4 * page));
    check(!read_faults(at + 2 * page));
    check_equal(mprotect(at + 3 * page, page, PROT_NONE), 0);
    check(read_faults(at + 3 * page));
    check_equal(mprotect(at, 8 * page, read_write), 0);
    check(at[3 * page] == 7);
    check_fails(mprotect(at + 1, page, PROT_READ), EINVAL);
    check_equal(munmap(at + 4 * page, page), 0);
    check_fails(mprotect(at, 8 * page, PROT_READ), ENOMEM);
    munmap(at, 8 * page);

    static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};  // mov $42, %eax; ret
    char* function = map(page);
    std::memcpy(function, code, sizeof code);
    check(faults([=] { reinterpret_cast<int (*)()>(function)(); }));
    check_equal(mprotect(function, page, PROT_READ | PROT_EXEC), 0);
    check_equal(reinterpret_cast<int (*)()>(function)(), 42);
    check(write_faults(function));
    munmap(function, page);
    check(read_faults(nullptr) && read_faults(reinterpret_cast<char*>(4095)));
}

void reserves_without_cost() {
    std::vector<char*> reserved;
    for (int i = 0; i < 16; ++i) reserved.push_back(map(1024 * mib, PROT_NONE, anonymous | MAP_NORESERVE));
    check(read_faults(reserved[3] + mib));
    check_equal(mprotect(reserved[3] + mib, 2 * mib, read_write), 0);
    std::memset(reserved[3] + mib, 9, 2 * mib);
    check(read_faults(reserved[3] + 3 * mib) && reserved[3][2 * mib] == 9);
    for (char* at : reserved) check_equal(munmap(at, 1024 * mib), 0);
}

void moves() {
    char* at = map(4 * page);
    std::memset(at, 5, 4 * page);
    char* grown = static_cast<char*>(mremap(at, 4 * page, 4 * mib, MREMAP_MAYMOVE));
    check(grown != MAP_FAILED && grown[4 * page - 1] == 5 && grown[4 * page] == 0 && grown[4 * mib - 1] == 0);
    grown[2 * mib] = 6;
    check(mremap(grown, 4 * mib, 2 * page, 0) == grown);
    check(read_faults(grown + 2 * page) && grown[0] == 5);
    char* goal = map(2 * page);
    check(mremap(grown, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, goal) == goal);
    check(goal[2 * page - 1] == 5 && read_faults(grown));
    map(page);
    munmap(goal, 2 * page);
    check_fails(reinterpret_cast<long>(mremap(goal, 2 * page, 3 * page, MREMAP_MAYMOVE)), EFAULT);

    char* large = map(8 * mib);
    for (std::size_t i = 0; i < 8 * mib; i += page) large[i] = static_cast<char>(i / page);
    char* moved = static_cast<char*>(mremap(large, 8 * mib, 24 * mib, MREMAP_MAYMOVE));
    check(moved != MAP_FAILED);
    for (std::size_t i = 0; i < 8 * mib; i += page) check(moved[i] == static_cast<char>(i / page));
    munmap(moved, 24 * mib);
}

void advises() {
    char* at = map(8 * mib);
    std::memset(at, 3, 8 * mib);
    check_equal(madvise(at + mib, 2 * mib, MADV_DONTNEED), 0);
    check(at[mib - 1] == 3 && at[mib] == 0 && at[3 * mib - 1] == 0 && at[3 * mib] == 3);
    check_equal(madvise(at, 8 * mib, MADV_WILLNEED), 0);
    check_equal(madvise(at, 8 * mib, MADV_NORMAL), 0);
    (void)madvise(at, 8 * mib, MADV_HUGEPAGE);
    check_equal(madvise(at, 4 * mib, MADV_FREE), 0);
    check(at[5 * mib] == 3 && (at[0] == 3 || at[0] == 0));
    at[0] = 4;
    check(at[0] == 4);
    check_fails(madvise(at, 4 * page, 9999), EINVAL);
    munmap(at, 8 * mib);
    for (int round = 0; round < 100; ++round) {  // 800 MiB altogether: freed frames come back
        char* block = map(8 * mib);
        for (std::size_t i = 0; i < 8 * mib; i += page) {
            check(block[i] == 0);
            block[i] = 1;
        }
        check_equal(munmap(block, 8 * mib), 0);
    }
}

void breaks() {
    char* begin = static_cast<char*>(sbrk(0));
    check(sbrk(3 * static_cast<intptr_t>(mib)) == begin);
    std::memset(begin, 1, 3 * mib);
    check(sbrk(-2 * static_cast<intptr_t>(mib)) == begin + 3 * mib);
    check(sbrk(0) == begin + mib && begin[mib - 1] == 1);
    check(sbrk(static_cast<intptr_t>(mib)) == begin + mib && begin[mib] == 0);
    check(sbrk(-2 * static_cast<intptr_t>(mib)) == begin + 2 * mib);
}

void maps_files() {
    char name[] = "/tmp/mmap-XXXXXX";
    const int fd = mkstemp(name);
    check(fd >= 0);
    check_equal(ftruncate(fd, 3 * page), 0);
    check_equal(pwrite(fd, "second page", 11, page), 11);
    char* at = static_cast<char*>(mmap(nullptr, 2 * page, read_write, MAP_PRIVATE, fd, page));
    check(at != MAP_FAILED && std::memcmp(at, "second page", 12) == 0);
    at[0] = 'S';
    char back = 0;
    check_equal(pread(fd, &back, 1, page), 1);
    check(back == 's');
    check_fails(reinterpret_cast<long>(mmap(nullptr, page, read_write, MAP_PRIVATE, fd, 1)), EINVAL);
    munmap(at, 2 * page);
    close(fd);
    unlink(name);
}

}  // namespace

int main() {
    struct sigaction action {};
    action.sa_handler = [](int) { siglongjmp(escape, 1); };
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
    maps_and_unmaps();
    passed("mmap and munmap");
    protects();
    passed("mprotect");
    reserves_without_cost();
    passed("PROT_NONE reservations");
    moves();
    passed("mremap");
    advises();
    passed("madvise");
    breaks();
    passed("brk");
    maps_files();
    passed("mmap of a file");
}
