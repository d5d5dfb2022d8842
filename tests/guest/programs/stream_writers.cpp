// SPDX-License-Identifier: Apache-2.0
// Two threads that wait in send() on one full connection: room for both wakes both.
#include <sys/socket.h>

#include <chrono>
#include <future>
#include <thread>
#include <utility>

#include "tests/guest/inet_ends.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t message_bytes = 1000;

char bytes[1 << 16];

using Answer = std::future<ssize_t>;

// Waits in send() by the time it is returned, unless the machine is very slow.
Answer send_one(int fd) {
    auto sent = std::async(std::launch::async, [=] { return send(fd, bytes, message_bytes, 0); });
    (void)sent.wait_for(30ms);
    return sent;
}

// What TCP takes over from a full buffer makes room once more.
void fill(int fd) {
    for (int still_full = 0; still_full < 3; ++still_full) {
        while (send(fd, bytes, message_bytes, MSG_DONTWAIT) > 0) still_full = 0;
        check_equal(errno, EAGAIN);
        std::this_thread::sleep_for(10ms);
    }
}

void both_go_on(int from, int to) {
    fill(from);
    Answer first = send_one(from), second = send_one(from);
    // A lost wake-up is a failure, not a hang.
    const auto end = std::chrono::steady_clock::now() + 20s;
    for (Answer* answer : {&first, &second}) {
        while (answer->wait_for(1ms) != std::future_status::ready) {
            check(std::chrono::steady_clock::now() < end);
            while (recv(to, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
            }
        }
        check_equal(answer->get(), ssize_t{message_bytes});
    }
}

void both_go_on(int unix_type) {
    int pair[2];
    check_equal(socketpair(AF_UNIX, unix_type, 0, pair), 0);
    both_go_on(pair[0], pair[1]);
    close(pair[0]), close(pair[1]);
}

}  // namespace

int main() {
    both_go_on(SOCK_STREAM);
    passed("writers to a UNIX stream");
    both_go_on(SOCK_SEQPACKET);
    passed("writers of UNIX records");
    const Connection tcp;
    both_go_on(tcp.a, tcp.b);
    passed("writers to a TCP stream");
}
