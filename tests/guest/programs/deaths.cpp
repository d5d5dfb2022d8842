// SPDX-License-Identifier: Apache-2.0
// Dies in the way that argv[1] names.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

volatile int zero = 0;
volatile unsigned long low = 0x18;
const char constant[] = "read-only";
const char* volatile constant_pointer = constant;

[[gnu::noinline]] void die(const std::string& way) {
    if (way == "abort") std::abort();
    if (way == "uncaught") throw std::runtime_error("nobody catches this");
    if (way == "divide") zero = 1000 / zero;
    if (way == "null") *reinterpret_cast<volatile int*>(low) = 1;
    if (way == "call") reinterpret_cast<void (*)()>(low)();
    if (way == "constant") *const_cast<volatile char*>(constant_pointer) = 'R';
    if (way == "illegal") asm volatile("ud2");
    if (way == "privileged") asm volatile("hlt");
    if (way == "term") raise(SIGTERM);
    if (way == "kill") kill(getpid(), SIGKILL);
    if (way == "pure") std::terminate();
}

}  // namespace

int main(int argc, char** argv) {
    const std::string way = argc > 1 ? argv[1] : "abort";
    std::puts("before");
    std::fflush(stdout);
    if (argc > 2) {
        std::thread([&] { die(way); }).join();
    } else {
        die(way);
    }
    std::puts("after");
}
