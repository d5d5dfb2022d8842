// SPDX-License-Identifier: Apache-2.0
// Memory: mapping, protecting, moving and giving it back, and which accesses then fault, and how.
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <csetjmp>
#include <span>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

constexpr std::size_t page = 4096;
const char* const name = "/dev/shm/conformance.map";

sigjmp_buf after_fault;
volatile int fault_signal, fault_code;
volatile bool fault_address_is_right;
char* volatile fault_place;

void on_fault(int number, siginfo_t* info, void*) {
    fault_signal = number;
    fault_code = info->si_code;
    fault_address_is_right = info->si_addr == fault_place;
    siglongjmp(after_fault, 1);
}

// One access, and the signal that it raises.
void touches(const char* what, char* place, bool writes) {
    fault_place = place;
    if (sigsetjmp(after_fault, 1) == 0) {
        volatile char* at = place;
        if (writes) {
            *at = 1;
        } else {
            (void)*at;
        }
        std::printf("    %s: works\n", what);
        return;
    }
    std::printf("    %s: SIG%s code %d%s\n", what, sigabbrev_np(fault_signal), fault_code,
                fault_address_is_right ? "" : " at another address");
}
void reads(const char* what, char* place) { touches(what, place, false); }
void writes(const char* what, char* place) { touches(what, place, true); }

char* mapped(std::size_t pages, int protection, int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1,
             off_t offset = 0) {
    void* at = mmap(nullptr, pages * page, protection, flags, fd, offset);
    if (at == MAP_FAILED) needs(-1);
    return static_cast<char*>(at);
}

void wrong_arguments() {
    const int file = static_cast<int>(needs(open(name, O_RDWR)));
    const int reader = static_cast<int>(needs(open(name, O_RDONLY)));
    const int writer = static_cast<int>(needs(open(name, O_WRONLY)));
    const int path = static_cast<int>(needs(open(name, O_PATH)));
    const int directory = static_cast<int>(needs(open("/dev/shm", O_RDONLY)));
    int ends[2];
    needs(pipe(ends));
    char* const shared = mapped(1, PROT_READ, MAP_SHARED, reader);
    char* const own = mapped(1, PROT_READ, MAP_PRIVATE, reader);
    // The last, so that nothing else comes to lie in its hole.
    char* const whole = mapped(4, PROT_READ | PROT_WRITE);
    munmap(whole + page, page);
    constexpr int private_memory = MAP_PRIVATE | MAP_ANONYMOUS;
    answer_all({
        {SYS_mmap, "nothing", 0, 0, PROT_READ, private_memory, -1, 0},
        {SYS_mmap, "neither shared nor private", 0, page, PROT_READ, MAP_ANONYMOUS, -1, 0},
        {SYS_mmap, "an odd offset", 0, page, PROT_READ, MAP_PRIVATE, file, 1},
        {SYS_mmap, "no descriptor", 0, page, PROT_READ, MAP_PRIVATE, no_fd, 0},
        {SYS_mmap, "shared to write, read-only", 0, page, PROT_WRITE, MAP_SHARED, reader, 0},
        {SYS_mmap, "private, write-only", 0, page, PROT_READ, MAP_PRIVATE, writer, 0},
        {SYS_mmap, "an O_PATH descriptor", 0, page, PROT_READ, MAP_PRIVATE, path, 0},
        {SYS_mmap, "a directory", 0, page, PROT_READ, MAP_PRIVATE, directory, 0},
        {SYS_mmap, "a pipe", 0, page, PROT_READ, MAP_PRIVATE, ends[0], 0},
        {SYS_mmap, "too much", 0, 1ul << 47, PROT_READ, private_memory, -1, 0},
        {SYS_mmap, "MAP_FIXED at an odd address", whole + 1, page, PROT_READ, private_memory | MAP_FIXED, -1, 0},
        {SYS_mmap, "MAP_FIXED beyond the end", 0x7ffffffff000, 2 * page, PROT_READ, private_memory | MAP_FIXED, -1, 0},
        {SYS_mmap, "MAP_FIXED_NOREPLACE of what is there", whole, page, PROT_READ, private_memory | MAP_FIXED_NOREPLACE,
         -1, 0},
        {SYS_mmap, "an offset that overflows", 0, page, PROT_READ, MAP_PRIVATE, file, ~0xffful},
        {SYS_munmap, "an odd address", whole + 1, page},
        {SYS_munmap, "no length", whole, 0},
        {SYS_munmap, "where nothing is", whole + page, page},
        {SYS_munmap, "beyond the end", 0x7ffffffff000, 4 * page},
        {SYS_mprotect, "where nothing is", whole + page, page, PROT_READ},
        {SYS_mprotect, "over a hole", whole, 4 * page, PROT_READ},
        {SYS_mprotect, "an odd address", whole + 1, page, PROT_READ},
        {SYS_mprotect, "no length", whole, 0, PROT_READ},
        {SYS_mprotect, "an unknown protection", whole, page, 0x80},
        {SYS_mprotect, "to write a shared read-only file", shared, page, PROT_WRITE},
        {SYS_mprotect, "to write a private read-only file", own, page, PROT_WRITE},
        {SYS_madvise, "unknown", whole, page, 999},
        {SYS_madvise, "an odd address", whole + 1, page, MADV_NORMAL},
        {SYS_madvise, "over a hole", whole, 4 * page, MADV_NORMAL},
        {SYS_madvise, "no length", whole, 0, MADV_DONTNEED},
        {SYS_madvise, "MADV_FREE of a file", own, page, MADV_FREE},
        {SYS_madvise, "MADV_REMOVE of private memory", whole, page, MADV_REMOVE},
        {SYS_madvise, "MADV_WILLNEED", whole, page, MADV_WILLNEED},
        {SYS_madvise, "MADV_POPULATE_WRITE", whole + 2 * page, page, MADV_POPULATE_WRITE},
        {SYS_madvise, "MADV_POPULATE_READ over a hole", whole, 4 * page, MADV_POPULATE_READ},
        {SYS_msync, "both flags", whole, page, MS_SYNC | MS_ASYNC},
        {SYS_msync, "an unknown flag", whole, page, 0x80},
        {SYS_msync, "an odd address", whole + 1, page, MS_SYNC},
        {SYS_msync, "over a hole", whole, 4 * page, MS_SYNC},
        {SYS_msync, "private memory", whole, page, MS_SYNC},
        {SYS_mincore, "an odd address", whole + 1, page, buffer},
        {SYS_mincore, "over a hole", whole, 4 * page, buffer},
        {SYS_mincore, "to a bad place", whole, page, nowhere},
        {SYS_mincore, "no length", whole, 0, buffer},
        {SYS_mremap, "an unknown flag", whole, page, 2 * page, 64},
        {SYS_mremap, "an odd address", whole + 1, page, 2 * page, MREMAP_MAYMOVE},
        {SYS_mremap, "to nothing", whole, page, 0, MREMAP_MAYMOVE},
        {SYS_mremap, "where nothing is", whole + page, page, 2 * page, MREMAP_MAYMOVE},
        {SYS_mremap, "over a hole", whole, 3 * page, 5 * page, MREMAP_MAYMOVE},
        {SYS_mremap, "fixed without moving", whole, page, page, MREMAP_FIXED, whole + 8 * page},
        {SYS_mremap, "fixed onto itself", whole + 2 * page, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED,
         whole + 3 * page},
        {SYS_mremap, "no room to grow", whole, page, 1ul << 46, 0},
        {SYS_mlock, "where nothing is", whole + page, page},
        {SYS_mlock, "memory", whole, page},
        {SYS_mlock2, "an unknown flag", whole, page, 8},
        {SYS_mlock2, "MLOCK_ONFAULT", whole, page, MLOCK_ONFAULT},
        {SYS_munlock, "where nothing is", whole + page, page},
        {SYS_munlock, "memory", whole, page},
        {SYS_mlockall, "no flag", 0},
        {SYS_mlockall, "an unknown flag", 0x80},
        {SYS_munlockall, "always works"},
    });
    for (int fd = 3; fd < 16; ++fd) close(fd);
}

void protections() {
    scenario(SYS_mprotect, "faults by protection", [] {
        char* const at = mapped(3, PROT_READ | PROT_WRITE);
        writes("write", at);
        mprotect(at, page, PROT_READ);
        reads("read read-only", at);
        writes("write read-only", at);
        writes("write the next page", at + page);
        mprotect(at, page, PROT_NONE);
        reads("read without any", at);
        mprotect(at, page, PROT_READ | PROT_WRITE);
        writes("write again", at);
        is("content stays", at[0]);
        munmap(at, 3 * page);
        reads("read nothing", at);
        answers("a call with a page that may not be read", write(1, mapped(1, PROT_NONE), 1));
    });
    scenario(SYS_mmap, "faults of mapped files", [] {
        const int file = static_cast<int>(needs(open(name, O_RDWR)));
        needs(ftruncate(file, page + 10));
        char* const at = mapped(4, PROT_READ | PROT_WRITE, MAP_SHARED, file);
        writes("the first page", at);
        writes("behind the end in the last page", at + page + 100);
        reads("a page behind the end", at + 2 * page);
        needs(ftruncate(file, 3 * page));
        reads("after it grew", at + 2 * page);
        is("what lay behind the end", at[page + 100]);
        answers("a call with a page behind the end", write(1, at + 3 * page, 1));
        munmap(at, 4 * page);
        close(file);
    });
    scenario(SYS_mmap, "a null pointer and kernel addresses", [] {
        reads("null", nullptr);
        // SAFETY: an address where nothing may ever be, to see the fault.
        reads("the kernel's half", reinterpret_cast<char*>(0xffff'8000'0000'0000));
    });
    scenario(SYS_mmap, "MAP_GROWSDOWN and MAP_STACK, MAP_NORESERVE, MAP_POPULATE are taken", [] {
        writes("MAP_STACK", mapped(1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK));
        writes("MAP_NORESERVE", mapped(1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE));
        writes("MAP_POPULATE", mapped(2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE));
    });
}

void sharing() {
    scenario(SYS_mmap, "shared and private of one file", [] {
        const int file = static_cast<int>(needs(open(name, O_RDWR | O_TRUNC)));
        needs(ftruncate(file, page));
        char* const shared = mapped(1, PROT_READ | PROT_WRITE, MAP_SHARED, file);
        char* const second = mapped(1, PROT_READ, MAP_SHARED, file);
        char* const own = mapped(1, PROT_READ | PROT_WRITE, MAP_PRIVATE, file);
        close(file);
        shared[0] = 'a';
        is("the other sees", second[0]);
        is("the private sees", own[0]);
        own[0] = 'b';
        is("the shared does not", shared[0]);
        shared[0] = 'c';
        is("the private has its own", own[0]);
        const int again = static_cast<int>(needs(open(name, O_RDWR)));
        pwrite(again, "z", 1, 0);
        is("a write is seen", shared[0]);
        answers("msync", msync(shared, page, MS_SYNC));
        answers("madvise drops the private page", madvise(own, page, MADV_DONTNEED));
        is("the file's again", own[0]);
        close(again);
        for (char* at : {shared, second, own}) munmap(at, page);
    });
    scenario(SYS_madvise, "MADV_DONTNEED makes zeroes", [] {
        char* const at = mapped(2, PROT_READ | PROT_WRITE);
        at[0] = at[page] = 7;
        answers("drop one", madvise(at, 1, MADV_DONTNEED));
        is("zero", at[0]);
        is("kept", at[page]);
        munmap(at, 2 * page);
    });
    scenario(SYS_madvise, "MADV_DONTNEED of the image, the break and the stack", [] {
        alignas(page) static char zeroes[2 * page];
        zeroes[0] = zeroes[page] = 1;
        answers("drop the image's zeroes", madvise(zeroes, page, MADV_DONTNEED));
        is("zero", zeroes[0]);
        is("kept", zeroes[page]);
        const long bytes = static_cast<long>(page), start = syscall(SYS_brk, 0),
                   low = (start + bytes - 1) / bytes * bytes;
        holds("up", syscall(SYS_brk, low + 2 * bytes) == low + 2 * bytes);
        // SAFETY: the break's own memory.
        char* const heap = reinterpret_cast<char*>(low);
        heap[0] = heap[page] = 1;
        answers("drop some of the break", madvise(heap, page, MADV_DONTNEED));
        is("zero", heap[0]);
        is("kept", heap[page]);
        holds("down", syscall(SYS_brk, start) == start);
        alignas(page) volatile char local[page];
        local[0] = 1;
        answers("drop some of the stack", madvise(const_cast<char*>(local), page, MADV_DONTNEED));
        is("zero", local[0]);
    });
    scenario(SYS_munmap, "many large pages with borders inside", [] {
        constexpr std::size_t large = 2 << 20, count = 64;
        char* const at = mapped(large / page * count, PROT_READ | PROT_WRITE);
        for (std::size_t i = 0; i < count; ++i) {
            at[i * large] = 1;
            madvise(at + i * large + large / 2, large / 4, MADV_NOHUGEPAGE);
        }
        answers("drop", madvise(at, count * large, MADV_DONTNEED));
        is("zero", at[0]);
        answers("unmap", munmap(at, count * large));
    });
    scenario(SYS_mmap, "MAP_FIXED replaces, in the middle", [] {
        char* const at = mapped(3, PROT_READ | PROT_WRITE);
        std::memset(at, 5, 3 * page);
        void* const middle = mmap(at + page, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        holds("there", middle == at + page);
        is("first", at[0]);
        is("middle", at[page]);
        is("last", at[2 * page]);
        writes("middle", at + page);
        munmap(at, 3 * page);
    });
    scenario(SYS_mincore, "what is in memory", [] {
        char* const at = mapped(3, PROT_READ | PROT_WRITE);
        at[page] = 1;
        unsigned char there[3] = {};
        answers("ask", mincore(at, 3 * page, there));
        is("touched", there[1] & 1);
        munmap(at, 3 * page);
    });
}

void moving() {
    scenario(SYS_mremap, "a range that is almost empty", [] {
        // Page tables for all of it would take more memory than there is.
        constexpr std::size_t tib = 1ull << 40;
        char* at = mapped(tib / page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
        at[tib / 2] = 1;
        holds("its own size", mremap(at, tib, tib, 0) == at);
        holds("smaller", mremap(at, tib, tib - page, 0) == at);
        char* const other = mapped(tib / page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
        at = static_cast<char*>(mremap(at, tib - page, tib - page, MREMAP_MAYMOVE | MREMAP_FIXED, other));
        holds("there", at == other);
        is("moved", at[tib / 2]);
        munmap(at, tib);
    });
    scenario(SYS_mremap, "grows, moves and shrinks with its content", [] {
        char* at = mapped(2, PROT_READ | PROT_WRITE);
        at[0] = 1, at[page] = 2;
        at = static_cast<char*>(mremap(at, 2 * page, 64 * page, MREMAP_MAYMOVE));
        is("first", at[0]);
        is("second", at[page]);
        is("new", at[63 * page]);
        answers("shrink", mremap(at, 64 * page, page, 0) == at ? 0 : -1);
        reads("what was given back", at + page);
        char* const target = mapped(2, PROT_READ | PROT_WRITE);
        target[0] = 9;
        holds("moved to a place", mremap(at, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
        is("content", target[0]);
        reads("the old place", at);
        munmap(target, 2 * page);
    });
    scenario(SYS_brk, "grows, shrinks, and stays when it cannot", [] {
        const long start = syscall(SYS_brk, 0);
        holds("grows", syscall(SYS_brk, start + 3 * static_cast<long>(page)) == start + 3 * static_cast<long>(page));
        // SAFETY: the break's own memory.
        writes("new memory", reinterpret_cast<char*>(start + 100));
        holds("shrinks", syscall(SYS_brk, start) == start);
        holds("below the start", syscall(SYS_brk, 1) == start);
        holds("too much", syscall(SYS_brk, 1L << 46) == start);
    });
    scenario(SYS_brk, "moves up and down, again and again", [] {
        const long start = syscall(SYS_brk, 0);
        // Above what a launcher has mapped from the start.
        const long low = (start | (static_cast<long>(page) - 1)) + 1 + 512 * static_cast<long>(page);
        const long high = low + 33 * static_cast<long>(page);
        holds("to the lower end", syscall(SYS_brk, low) == low);
        for (int round = 0; round < 4; ++round) {
            holds("up", syscall(SYS_brk, high) == high);
            // SAFETY: the break's own memory.
            const std::span<char> memory(reinterpret_cast<char*>(low), 33 * page);
            holds("what came is empty", std::ranges::all_of(memory, [](char byte) { return byte == 0; }));
            std::ranges::fill(memory, 1);
            holds("down", syscall(SYS_brk, low) == low);
        }
        // SAFETY: nothing of the program's is there.
        char* const above = reinterpret_cast<char*>(low) + 4 * page;
        holds("another mapping above",
              mmap(above, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == above);
        holds("not over that", syscall(SYS_brk, high) == low);
        *above = 1;
        holds("further down", syscall(SYS_brk, low - static_cast<long>(page)) == low - static_cast<long>(page));
        holds("that one stays", *above == 1);
        munmap(above, page);
        holds("up again", syscall(SYS_brk, high) == high);
        holds("where it was", *above == 0);
        holds("back", syscall(SYS_brk, start) == start);
    });
}

}  // namespace

int main() {
    struct sigaction action = {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
    const int file = static_cast<int>(needs(open(name, O_RDWR | O_CREAT | O_TRUNC, 0644)));
    needs(ftruncate(file, 2 * page));
    close(file);
    wrong_arguments();
    protections();
    sharing();
    moving();
    unlink(name);
}
