// SPDX-License-Identifier: Apache-2.0
// Waits for stdin by poll and by epoll, and leaves what it does not read to nobody.
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;

int main() {
    pollfd fd{STDIN_FILENO, POLLIN, 0};
    check_equal(poll(&fd, 1, 60'000), 1);
    check((fd.revents & POLLIN) != 0);
    char first[7] = {};
    check_equal(read(STDIN_FILENO, first, 6), 6);
    check_equal(std::string(first), "first\n");
    passed("poll on stdin");

    // While one thread blocks on stdin, others run.
    int turns = 0;
    std::string rest;
    std::thread reader([&] {
        char buffer[64];
        for (ssize_t got = 0; (got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0;) {
            rest.append(buffer, static_cast<std::size_t>(got));
        }
    });
    for (int i = 0; i < 100; ++i) {
        ++turns;
        std::this_thread::yield();
    }
    reader.join();
    check_equal(turns, 100);
    std::printf("rest: %s", rest.c_str());
    fd.revents = 0;
    check_equal(poll(&fd, 1, 60'000), 1);
    passed("end of input is ready");
}
