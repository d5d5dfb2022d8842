// SPDX-License-Identifier: Apache-2.0
// Options of a TCP socket that two threads set at once: none is lost, on the socket or in the connections that it
// accepts.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/guest/inet_ends.hpp"

using namespace guest_test;

namespace {

constexpr int rounds = 3000;

// Does something else over and over, as long as it is there.
class Meanwhile {
public:
    template <class Act>
    explicit Meanwhile(Act act)
        : thread_([this, act] {
              for (unsigned i = 0; !is_over_; ++i) act(i);
          }) {}
    ~Meanwhile() {
        is_over_ = true;
        thread_.join();
    }
    Meanwhile(const Meanwhile&) = delete;
    Meanwhile& operator=(const Meanwhile&) = delete;

private:
    std::atomic<bool> is_over_ = false;
    std::thread thread_;
};

void what_is_inherited() {
    sockaddr_in address = loopback();
    const int listener = listen_on(address);
    const Meanwhile other([=](unsigned i) { set_option(listener, IPPROTO_IP, IP_TTL, 1 + static_cast<int>(i % 200)); });
    for (int round = 0; round < rounds; ++round) {
        const int keeps = round % 2, idle = 1 + round % 1000, priority_class = 4 * (round % 60);
        set_option(listener, SOL_SOCKET, SO_KEEPALIVE, keeps);
        set_option(listener, IPPROTO_TCP, TCP_KEEPIDLE, idle);
        set_option(listener, IPPROTO_IP, IP_TOS, priority_class);
        const int client = socket(AF_INET, SOCK_STREAM, 0);
        check_equal(connect(client, generic(address), sizeof address), 0);
        const int accepted = accept(listener, nullptr, nullptr);
        check(accepted >= 0);
        for (const int fd : {listener, accepted}) {
            check_equal(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), keeps);
            check_equal(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), idle);
            check_equal(option_of(fd, IPPROTO_IP, IP_TOS), priority_class);
        }
        const linger at_once{1, 0};  // no port waits for stragglers
        check_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
        close(client);
        close(accepted);
    }
}

// Set while another thread calls listen().
void set_in_listening() {
    for (int round = 0; round < rounds / 10; ++round) {
        sockaddr_in address = loopback();
        const int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
        check_equal(bind(listener, generic(address), sizeof address), 0);
        address = name_of(listener);
        std::thread setting([=] { set_option(listener, SOL_SOCKET, SO_KEEPALIVE, 1); });
        check_equal(listen(listener, 4), 0);
        setting.join();
        check_equal(connect(client, generic(address), sizeof address), 0);
        const int accepted = accept(listener, nullptr, nullptr);
        check_equal(option_of(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
        for (const int fd : {listener, client, accepted}) close(fd);
    }
}

// It is one that somebody has set.
void how_to_linger() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const auto set = [=](const linger& value) {
        check_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value), 0);
    };
    constexpr linger none{0, 0}, long_time{1, 70};
    const Meanwhile other([=](unsigned i) { set(i % 2 == 0 ? none : long_time); });
    for (int round = 0; round < 20 * rounds; ++round) {
        set(round % 2 == 0 ? long_time : none);
        linger is{};
        socklen_t size = sizeof is;
        check_equal(getsockopt(fd, SOL_SOCKET, SO_LINGER, &is, &size), 0);
        check(is.l_onoff == 0 || is.l_linger == long_time.l_linger);
    }
}

}  // namespace

int main() {
    what_is_inherited();
    passed("options that are inherited");
    set_in_listening();
    passed("options that are set in listen()");
    how_to_linger();
    passed("SO_LINGER");
}
