// SPDX-License-Identifier: Apache-2.0
// Several threads that wait in recv() on one stream: each hears of the end, of what another left and of what it looked
// at.
#include <sys/socket.h>

#include <chrono>
#include <future>
#include <utility>

#include "tests/guest/inet_ends.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

using Answer = std::future<ssize_t>;

// A lost wake-up is a failure, not a hang.
ssize_t result_of(Answer answer) {
    check(answer.wait_for(20s) == std::future_status::ready);
    return answer.get();
}

// Waits in recv() by the time it is returned, unless the machine is very slow.
Answer receive(int fd, std::size_t bytes, int flags = 0) {
    auto got = std::async(std::launch::async, [=] {
        char to[16];
        return recv(fd, to, bytes, flags);
    });
    (void)got.wait_for(30ms);
    return got;
}

void the_end(int from, int to) {
    auto first = receive(to, 8), second = receive(to, 8);
    check_equal(shutdown(from, SHUT_WR), 0);
    check_equal(result_of(std::move(first)), 0);
    check_equal(result_of(std::move(second)), 0);
}

void the_rest(int from, int to) {
    auto first = receive(to, 4), second = receive(to, 4);
    check_equal(send(from, "12345678", 8, 0), 8);
    check_equal(result_of(std::move(first)), 4);
    check_equal(result_of(std::move(second)), 4);
}

void what_was_looked_at(int from, int to) {
    auto looking = receive(to, 8, MSG_PEEK), reading = receive(to, 8);
    check_equal(send(from, "1234", 4, 0), 4);
    check_equal(result_of(std::move(reading)), 4);
    // Who looks may have come too late.
    check_equal(send(from, "5678", 4, 0), 4);
    check_equal(result_of(std::move(looking)), 4);
    check_equal(result_of(receive(to, 8)), 4);
}

void all(int from, int to) {
    the_rest(from, to);
    what_was_looked_at(from, to);
    the_end(from, to);
}

}  // namespace

int main() {
    const Connection tcp;
    all(tcp.a, tcp.b);
    passed("readers of a TCP stream");
    int pair[2];
    check_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    all(pair[0], pair[1]);
    close(pair[0]), close(pair[1]);
    passed("readers of a UNIX stream");
}
