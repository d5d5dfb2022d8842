// SPDX-License-Identifier: Apache-2.0
// Flags of the CPU are the application's: system calls and page faults work whatever is set, and leave it set.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

constexpr std::uint64_t direction = 1 << 10, nested_task = 1 << 14, alignment_check = 1 << 18;

struct Outcome {
    long result;
    std::uint64_t flags;
};

using Call = Outcome (*)(std::uint64_t flags, long number, long first, void* second, std::size_t third);

// A system call with these flags set.
Outcome call_patched(std::uint64_t flags, long number, long first, void* second, std::size_t third) {
    Outcome outcome{number, flags};
    asm volatile(
        "lea -128(%%rsp), %%rsp\n\t"  // the red zone
        "pushfq\n\t"
        "or %1, (%%rsp)\n\t"
        "popfq\n\t"
        "syscall\n\t"
        "pushfq\n\t"
        "mov (%%rsp), %1\n\t"
        "andq $~0x44400, (%%rsp)\n\t"
        "popfq\n\t"
        "lea 128(%%rsp), %%rsp"
        : "+a"(outcome.result), "+&r"(outcome.flags)
        : "D"(first), "S"(second), "d"(third)
        : "rcx", "r11", "memory", "cc");
    return outcome;
}

// The same by code that is made as the program runs, so that nobody has patched it.
Outcome call_unpatched(std::uint64_t flags, long number, long first, void* second, std::size_t third) {
    using Code = long (*)(long number, long first, void* second, std::size_t third, std::uint64_t flags,
                          std::uint64_t* flags_after);
    static const Code code = [] {
        constexpr std::array<unsigned char, 34> instructions = {
            0x48, 0x89, 0xf8,                          // mov %rdi, %rax
            0x48, 0x89, 0xf7,                          // mov %rsi, %rdi
            0x48, 0x89, 0xd6,                          // mov %rdx, %rsi
            0x48, 0x89, 0xca,                          // mov %rcx, %rdx
            0x9c,                                      // pushfq
            0x4c, 0x09, 0x04, 0x24,                    // or %r8, (%rsp)
            0x9d,                                      // popfq
            0x0f, 0x05,                                // syscall
            0x9c,                                      // pushfq
            0x41, 0x8f, 0x01,                          // pop (%r9)
            0x9c,                                      // pushfq
            0x81, 0x24, 0x24, 0xff, 0xbb, 0xfb, 0xff,  // andl $~0x44400, (%rsp)
            0x9d,                                      // popfq
            0xc3,                                      // ret
        };
        static_assert(instructions.back() == 0xc3);
        void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(page != MAP_FAILED);
        std::memcpy(page, instructions.data(), instructions.size());
        check(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
        return reinterpret_cast<Code>(page);
    }();
    Outcome outcome{};
    outcome.result = code(number, first, second, third, flags, &outcome.flags);
    return outcome;
}

void moves_bytes(Call call, std::uint64_t flags, std::size_t size) {
    int ends[2];
    check(pipe(ends) == 0);
    std::vector<unsigned char> sent(size);
    for (std::size_t i = 0; i < size; ++i) sent[i] = static_cast<unsigned char>(i * 7);
    // What lies around what is read must stay as it is.
    std::vector<unsigned char> received(3 * size, 0xee);
    const Outcome written = call(flags, SYS_write, ends[1], sent.data(), size);
    const Outcome read = call(flags, SYS_read, ends[0], received.data() + size, size);
    for (const Outcome& outcome : {written, read}) {
        check(outcome.result == static_cast<long>(size));
        check((outcome.flags & flags) == flags);
    }
    const auto middle = received.begin() + static_cast<std::ptrdiff_t>(size);
    check(std::equal(sent.begin(), sent.end(), middle));
    check(std::all_of(received.begin(), middle, [](unsigned char byte) { return byte == 0xee; }));
    check(std::all_of(middle + static_cast<std::ptrdiff_t>(size), received.end(),
                      [](unsigned char byte) { return byte == 0xee; }));
    close(ends[0]);
    close(ends[1]);
}

// New memory is given its pages from the end to the beginning.
void faults() {
    constexpr std::size_t size = 1 << 20;
    void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED);
    auto* const bytes = static_cast<unsigned char*>(memory);
    unsigned char* last = bytes + size - 1;
    std::size_t count = size;
    std::uint64_t flags = 0;
    asm volatile(
        "lea -128(%%rsp), %%rsp\n\t"
        "std\n\t"
        "rep stosb\n\t"
        "pushfq\n\t"
        "cld\n\t"
        "pop %2\n\t"
        "lea 128(%%rsp), %%rsp"
        : "+D"(last), "+c"(count), "=&r"(flags)
        : "a"(0x5a)
        : "memory", "cc");
    check((flags & direction) != 0);
    check(std::all_of(bytes, bytes + size, [](unsigned char byte) { return byte == 0x5a; }));
    munmap(memory, size);
}

void calls(Call call) {
    for (const std::size_t size : {1, 100, 255, 257, 3001, 20'000}) {
        // Those that are odd are written to and read from odd addresses.
        for (const std::uint64_t flags : {direction, nested_task, alignment_check, direction | alignment_check})
            moves_bytes(call, flags, size);
    }
}

}  // namespace

int main() {
    calls(call_patched);
    passed("system calls");
    calls(call_unpatched);
    passed("system calls of code that was made meanwhile");
    faults();
    passed("page faults");
}
