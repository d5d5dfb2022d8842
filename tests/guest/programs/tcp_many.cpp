// SPDX-License-Identifier: Apache-2.0
// A thousand connections at once, each with a request and an answer, and then thousands of short ones, which leave no
// memory behind. argv[1]: how many of those instead; for a long run it says how far it is.
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

sockaddr_in address{};

int connect_to_server() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check(fd >= 0);
    check(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EINPROGRESS);
    return fd;
}

// Accepts, answers each message, closes at the end of a stream; until `answers` are given and `ends` seen.
class Server {
public:
    Server() : epoll_(epoll_create1(0)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
        const int on = 1;
        setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        check_equal(bind(listener_, reinterpret_cast<const sockaddr*>(&address), size), 0);
        check_equal(listen(listener_, 4096), 0);
        check_equal(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
        watch(listener_);
    }
    ~Server() {
        close(listener_);
        close(epoll_);
    }
    void run(int answers, int ends) {
        epoll_event events[64];
        while (answers > 0 || ends > 0) {
            const int count = epoll_wait(epoll_, events, 64, 5000);
            check(count > 0);
            for (int i = 0; i < count; ++i) {
                const int fd = events[i].data.fd;
                if (fd == listener_) {
                    for (int accepted; (accepted = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
                        watch(accepted);
                    }
                    continue;
                }
                char buffer[64];
                const ssize_t got = read(fd, buffer, sizeof buffer);
                check(got >= 0);
                if (got == 0) {
                    close(fd);
                    --ends;
                } else {
                    check_equal(write(fd, buffer, static_cast<std::size_t>(got)), got);
                    --answers;
                }
            }
        }
    }

private:
    void watch(int fd) const {
        epoll_event event{EPOLLIN, {.fd = fd}};
        check_equal(epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), 0);
    }
    int epoll_;
    int listener_;
};

void expect(int fd, const std::string& text) {
    char buffer[64];
    check_equal(read(fd, buffer, sizeof buffer), static_cast<ssize_t>(text.size()));
    check_equal(std::string(buffer, text.size()), text);
}

void thousand_at_once() {
    constexpr int count = 1000;
    Server server;
    std::vector<int> clients;
    for (int i = 0; i < count; ++i) {
        clients.push_back(connect_to_server());
        const std::string text = "client " + std::to_string(i);
        if (i % 100 == 99) server.run(0, 0);
        while (send(clients.back(), text.data(), text.size(), MSG_NOSIGNAL) < 0) check_equal(errno, EAGAIN);
    }
    server.run(count, 0);
    for (int i = 0; i < count; ++i) expect(clients[static_cast<std::size_t>(i)], "client " + std::to_string(i));
    for (const int fd : clients) close(fd);
    server.run(0, count);
}

unsigned long long free_bytes() {
    struct sysinfo info {};
    check_equal(sysinfo(&info), 0);
    return std::uint64_t{info.freeram} * info.mem_unit;
}

void many_short_ones(int count) {
    constexpr int to_settle = 1000, report = 100'000;
    constexpr std::uint64_t most_lost_bytes = 4 << 20;
    Server server;
    std::uint64_t before = 0;
    for (int i = 0; i < count; ++i) {
        const int fd = connect_to_server();
        while (send(fd, "short", 5, MSG_NOSIGNAL) < 0) check_equal(errno, EAGAIN);
        server.run(1, 0);
        expect(fd, "short");
        close(fd);
        server.run(0, 1);
        if (i == to_settle) before = free_bytes();
        if (i % report == report - 1) {
            std::printf("%d connections, %llu KiB free\n", i + 1, free_bytes() >> 10);
            std::fflush(stdout);
        }
    }
    // Natively it is the host's memory, which others use too.
    if (std::getenv("HUSK_CHECKS_MEMORY") != nullptr) check(free_bytes() + most_lost_bytes > before);
}

}  // namespace

int main(int argc, char** argv) {
    const rlimit limit{4096, 4096};
    check_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    thousand_at_once();
    passed("a thousand connections at once");
    many_short_ones(argc > 1 ? std::atoi(argv[1]) : 3000);
    passed("three thousand short ones");
}
