// SPDX-License-Identifier: Apache-2.0
// stdout and stderr arrive complete and apart, from printf, iostream, write and several threads, and are flushed at
// exit.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

int main() {
    for (int i = 0; i < 3; ++i) {
        std::printf("out %d\n", i);
        std::cerr << "err " << i << '\n';
    }
    std::fflush(stdout);
    if (write(STDOUT_FILENO, "written\n", 8) != 8) return 1;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([] {
            for (int i = 0; i < 500; ++i) std::fputs("one whole line of a thread\n", stdout);
        });
    }
    for (auto& thread : threads) thread.join();
    std::cout << std::string(200'000, 'x') << '\n';
    std::clog << "last on stderr\n";
    std::printf("not flushed by hand");
}
