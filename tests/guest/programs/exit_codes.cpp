// SPDX-License-Identifier: Apache-2.0
// Ends with the code argv[1], by the way argv[2]: return, exit, _Exit, quick_exit, thread.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

struct Farewell {
    ~Farewell() { std::puts("static destroyed"); }
} farewell;

}  // namespace

int main(int argc, char** argv) {
    const int code = argc > 1 ? std::atoi(argv[1]) : 0;
    const std::string way = argc > 2 ? argv[2] : "return";
    std::atexit([] { std::puts("at exit"); });
    std::at_quick_exit([] {
        std::puts("at quick exit");
        std::fflush(stdout);
    });
    if (way == "exit") std::exit(code);
    if (way == "_Exit") std::_Exit(code);
    if (way == "quick_exit") std::quick_exit(code);
    if (way == "thread") {
        std::thread([code] { std::exit(code); }).detach();
        for (;;) pause();
    }
    return code;
}
