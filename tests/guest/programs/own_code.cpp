// SPDX-License-Identifier: Apache-2.0
// Pages of the program's own code are changed, replaced and taken away one at a time, whatever size maps them.
#include <sys/mman.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstring>

#include "tests/guest/check.hpp"

using namespace guest_test;

extern "C" char etext;  // the linker's: behind the last byte of code

namespace {

constexpr std::size_t page_bytes = 4096;

// Alone in its page: `mov $1, %eax; ret`.
asm(R"(
    .pushsection .text
    .balign 4096
answer: mov $1, %eax
    ret
    .balign 4096
    .popsection
)");
extern "C" int answer();

sigjmp_buf back;

bool can_read(const volatile char* at) {
    if (sigsetjmp(back, 1) != 0) return false;
    static_cast<void>(*at);
    return true;
}

void patch_a_page() {
    check_equal(answer(), 1);
    auto* code = reinterpret_cast<unsigned char*>(&answer);
    check_equal(mprotect(code, page_bytes, PROT_READ | PROT_WRITE), 0);
    code[1] = 7;
    check_equal(mprotect(code, page_bytes, PROT_READ | PROT_EXEC), 0);
    check_equal(answer(), 7);
    passed("a page of code is written and runs again");
}

void use_what_is_behind() {
    const auto behind = (reinterpret_cast<std::uintptr_t>(&etext) + page_bytes - 1) & ~(page_bytes - 1);
    auto* page = reinterpret_cast<char*>(behind);
    check(mmap(page, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
    for (std::size_t i = 0; i < page_bytes; ++i) check_equal(page[i], '\0');
    std::memset(page, 'x', page_bytes);
    check_equal(page[page_bytes - 1], 'x');
    check_equal(answer(), 7);
    check_equal(munmap(page, page_bytes), 0);
    check(!can_read(page));
    passed("the page behind the code is the program's to map");
}

void take_a_page_away() {
    auto* code = reinterpret_cast<char*>(&answer);
    check_equal(munmap(code, page_bytes), 0);
    check(!can_read(code));
    passed("a page of code is unmapped");
}

}  // namespace

int main() {
    struct sigaction action {};
    action.sa_handler = [](int) { siglongjmp(back, 1); };
    check_equal(sigaction(SIGSEGV, &action, nullptr), 0);
    patch_a_page();
    use_what_is_behind();
    take_a_page_away();
}
