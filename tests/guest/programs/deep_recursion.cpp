// SPDX-License-Identifier: Apache-2.0
// Recursion without end runs into the guard below the stack: death by SIGSEGV, in the main thread or in another.
#include <cstdio>
#include <cstring>
#include <thread>

namespace {

volatile int bottom = -1;  // never reached

[[gnu::noinline]] int descend(int depth) {
    volatile char frame[512];
    frame[0] = static_cast<char>(depth);
    if (depth == bottom) return 0;
    return descend(depth + 1) + frame[0];
}

}  // namespace

int main(int argc, char** argv) {
    std::puts("descending");
    std::fflush(stdout);
    if (argc > 1 && std::strcmp(argv[1], "thread") == 0) {
        std::thread([] { (void)descend(0); }).join();
    } else {
        (void)descend(0);
    }
    std::puts("not reached");
}
