// SPDX-License-Identifier: Apache-2.0
// A datagram that one thread only looks at is there for another that waits for it, by poll() or in recv().
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "tests/guest/inet_ends.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t rounds = 600;

std::atomic<std::uint32_t> received = 0;

void look(int fd) {
    std::uint32_t number = 0;
    while (received.load() != rounds) (void)recv(fd, &number, sizeof number, MSG_PEEK | MSG_DONTWAIT);
}

// Every other datagram by poll() first.
void read_all(int fd) {
    for (std::uint32_t next = 0; next < rounds; ++next) {
        if (next % 2 == 0) {
            pollfd one{fd, POLLIN, 0};
            check_equal(poll(&one, 1, -1), 1);
        }
        std::uint32_t number = rounds;
        check_equal(recv(fd, &number, sizeof number, 0), ssize_t{sizeof number});
        check_equal(number, next);
        received.store(next + 1);
    }
}

void send_in_turn(int fd, const sockaddr_in& to) {
    for (std::uint32_t number = 0; number < rounds; ++number) {
        check_equal(sendto(fd, &number, sizeof number, 0, generic(to), sizeof to), ssize_t{sizeof number});
        const auto end = std::chrono::steady_clock::now() + 15s;
        while (received.load() == number) {
            check(std::chrono::steady_clock::now() < end);
            std::this_thread::yield();
        }
    }
}

}  // namespace

int main() {
    const int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address = loopback();
    check_equal(bind(a, generic(address), sizeof address), 0);
    address = name_of(a);
    std::thread looking(look, a), reading(read_all, a);
    send_in_turn(b, address);
    reading.join();
    looking.join();
    passed("who looks takes nothing from who waits");
}
