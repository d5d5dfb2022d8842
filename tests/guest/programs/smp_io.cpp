// SPDX-License-Identifier: Apache-2.0
// Files, pipes and sockets used by several vCPUs at once.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

namespace {

using guest_test::check;
using guest_test::check_equal;
using guest_test::passed;

void run_all(int count, const std::function<void(int)>& body) {
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back(body, i);
    for (auto& thread : threads) thread.join();
}

void own_files() {
    // Natively several runs of this program may share /tmp.
    char folder[] = "/tmp/smp-XXXXXX";
    check(mkdtemp(folder) != nullptr);
    run_all(4, [&folder](int number) {
        const std::string own = std::string(folder) + "/" + std::to_string(number) + "-";
        std::array<char, 5000> bytes;
        std::array<char, 5000> back;
        for (int i = 0; i < 60; ++i) {
            const std::string name = own + std::to_string(i % 7);
            const int file = open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
            check(file >= 0);
            bytes.fill(static_cast<char>(number + i));
            check(write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
            check(pread(file, back.data(), back.size(), 0) == static_cast<ssize_t>(back.size()));
            check(bytes == back);
            check(close(file) == 0);
            if (i % 3 == 0) check(rename(name.c_str(), (name + "x").c_str()) == 0 && unlink((name + "x").c_str()) == 0);
        }
        for (int i = 0; i < 7; ++i) unlink((own + std::to_string(i)).c_str());
    });
    check(rmdir(folder) == 0);
    passed("own files");
}

void shared_file() {
    char name[] = "/tmp/smp-XXXXXX";
    const int file = mkstemp(name);
    check(file >= 0);
    const int log = open(name, O_WRONLY | O_APPEND);
    run_all(4, [&](int number) {
        std::array<char, 16> record;
        record.fill(static_cast<char>('a' + number));
        for (int i = 0; i < 300; ++i) check(write(log, record.data(), record.size()) == 16);
    });
    std::array<int, 4> counts{};
    std::array<char, 16> record;
    while (read(file, record.data(), record.size()) == 16) {
        for (char c : record) check(c == record[0]);
        ++counts.at(static_cast<std::size_t>(record[0] - 'a'));
    }
    for (int count : counts) check_equal(count, 300);
    close(file);
    close(log);
    unlink(name);
    passed("a shared file");
}

void pipes() {
    int ends[2];
    check(pipe(ends) == 0);
    std::atomic<long> sum = 0;
    run_all(4, [&](int number) {
        for (int i = 0; i < 2000; ++i) {
            if (number % 2 == 0) {
                check(write(ends[1], &i, sizeof i) == sizeof i);
            } else {
                int value;
                check(read(ends[0], &value, sizeof value) == sizeof value);
                sum.fetch_add(value);
            }
        }
    });
    check_equal(sum.load(), 2 * 1999L * 2000 / 2);
    close(ends[0]);
    close(ends[1]);
    passed("pipes");
}

// One epoll for all: each event is taken by somebody, none twice (EPOLLET), none never.
void epoll_together() {
    const int poller = epoll_create1(0);
    std::array<int, 8> events;
    for (int& event : events) {
        event = eventfd(0, EFD_NONBLOCK);
        epoll_event wanted{.events = EPOLLIN | EPOLLET, .data = {.fd = event}};
        check(epoll_ctl(poller, EPOLL_CTL_ADD, event, &wanted) == 0);
    }
    constexpr long total = 4000;
    std::atomic<long> taken = 0;
    run_all(4, [&](int number) {
        if (number == 0) {
            for (long i = 0; i < total; ++i) {
                const std::uint64_t one = 1;
                check(write(events[static_cast<std::size_t>(i) % events.size()], &one, sizeof one) == sizeof one);
            }
            return;
        }
        while (taken.load() < total) {
            epoll_event ready[4];
            const int count = epoll_wait(poller, ready, 4, 20);
            for (int i = 0; i < count; ++i) {
                std::uint64_t value = 0;
                if (read(ready[i].data.fd, &value, sizeof value) == sizeof value)
                    taken.fetch_add(static_cast<long>(value));
            }
        }
    });
    check_equal(taken.load(), total);
    for (int event : events) close(event);
    close(poller);
    passed("one epoll");
}

// Whoever closes the last end empties it, but not of what somebody wrote who opened it since.
void fifo_of_passing_ends() {
    char folder[] = "/tmp/smp-XXXXXX";
    check(mkdtemp(folder) != nullptr);
    const std::string name = std::string(folder) + "/fifo";
    check(mkfifo(name.c_str(), 0600) == 0);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1000);
    run_all(3, [&name, end](int number) {
        while (std::chrono::steady_clock::now() < end) {
            const int fd = open(name.c_str(), O_RDWR | O_NONBLOCK);
            check(fd >= 0);
            char byte = 'x';
            if (number != 0) check(write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1);
            check(close(fd) == 0);
        }
    });
    check(unlink(name.c_str()) == 0 && rmdir(folder) == 0);
    passed("a FIFO of passing ends");
}

// One descriptor is found once in a call, however often it becomes ready meanwhile.
void epoll_while_it_happens() {
    for (const unsigned mode : {0u, static_cast<unsigned>(EPOLLET)}) {
        const int poller = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK);
        epoll_event watched{EPOLLIN | mode, {}};
        check(epoll_ctl(poller, EPOLL_CTL_ADD, event, &watched) == 0);
        std::atomic<bool> is_over = false;
        std::thread writer([&] {
            while (!is_over) eventfd_write(event, 1);
        });
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
        while (std::chrono::steady_clock::now() < end) {
            epoll_event found[8];
            check(epoll_wait(poller, found, 8, 1) <= 1);
            eventfd_t value;
            eventfd_read(event, &value);
        }
        is_over = true;
        writer.join();
        close(event);
        close(poller);
    }
    passed("epoll while it happens");
}

void sockets() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    check(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    check(listen(listener, 16) == 0);
    check(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    constexpr int rounds = 15;
    run_all(4, [&](int number) {
        std::array<char, 3000> bytes;
        std::array<char, 3000> back;
        for (int i = 0; i < rounds; ++i) {
            const bool is_server = number % 2 == 0;
            const int fd = is_server ? accept(listener, nullptr, nullptr) : socket(AF_INET, SOCK_STREAM, 0);
            check(fd >= 0);
            if (is_server) {
                for (ssize_t got; (got = read(fd, back.data(), back.size())) > 0;) {
                    check(send(fd, back.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got);
                }
            } else {
                check(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
                for (int turn = 0; turn < 5; ++turn) {
                    bytes.fill(static_cast<char>(number + i + turn));
                    check(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
                    for (std::size_t done = 0; done < back.size();) {
                        const ssize_t got = read(fd, back.data() + done, back.size() - done);
                        check(got > 0);
                        done += static_cast<std::size_t>(got);
                    }
                    check(bytes == back);
                }
            }
            check(close(fd) == 0);
        }
    });
    close(listener);
    passed("sockets");
}

}  // namespace

int main() {
    own_files();
    shared_file();
    pipes();
    fifo_of_passing_ends();
    epoll_together();
    epoll_while_it_happens();
    sockets();
}
