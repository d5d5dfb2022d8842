// SPDX-License-Identifier: Apache-2.0
// The client of net_peer: bulk transfers and datagrams; holds idle connections; times a server's start. Prints JSON.
//
//   net_transfers send|receive ADDRESS PORT SECONDS    {"mib_per_s": ...}
//   net_transfers echo ADDRESS PORT SECONDS            {"p50_us": ..., "p99_us": ...}, one datagram under way
//   net_transfers idle ADDRESS PORT COUNT              prints "open", holds them until stdin ends
//   net_transfers first ADDRESS PORT COMMAND...        {"ms": ...} from the start of COMMAND to its first HTTP answer
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <vector>

namespace {

using Ns = std::int64_t;
constexpr Ns ns_per_s = 1'000'000'000;

Ns now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * ns_per_s + now.tv_nsec;
}

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int open_socket(const sockaddr_in& server, int type) {
    const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) fail("connect");
    return fd;
}

void transfer(const sockaddr_in& server, bool sends, Ns duration) {
    const int fd = open_socket(server, SOCK_STREAM);
    std::vector<char> bytes(256 << 10);
    // The first quarter lets windows grow.
    const Ns begin = now_ns() + duration / 4, end = begin + duration;
    double counted = 0;
    Ns now = 0;
    while ((now = now_ns()) < end) {
        const ssize_t moved =
            sends ? send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) : recv(fd, bytes.data(), bytes.size(), 0);
        if (moved <= 0) fail("transfer");
        if (now >= begin) counted += static_cast<double>(moved);
    }
    std::printf("{\"mib_per_s\": %.1f}\n", counted / double(1 << 20) / (double(now - begin) / double(ns_per_s)));
}

void echo(const sockaddr_in& server, Ns duration) {
    const int fd = open_socket(server, SOCK_DGRAM);
    const timeval patience{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::vector<double> times_us;
    std::array<char, 64> bytes{};
    const Ns end = now_ns() + duration;
    for (Ns begin = 0; (begin = now_ns()) < end;) {
        if (send(fd, bytes.data(), bytes.size(), 0) < 0 || recv(fd, bytes.data(), bytes.size(), 0) < 0) {
            if (errno != EAGAIN && errno != ECONNREFUSED) fail("echo");
            continue;
        }
        times_us.push_back(static_cast<double>(now_ns() - begin) / 1e3);
    }
    if (times_us.empty()) fail("no echo");
    std::sort(times_us.begin(), times_us.end());
    std::printf("{\"p50_us\": %.1f, \"p99_us\": %.1f}\n", times_us[times_us.size() / 2],
                times_us[times_us.size() * 99 / 100]);
}

void hold_idle(const sockaddr_in& server, int count) {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (int i = 0; i < count; ++i) open_socket(server, SOCK_STREAM);
    std::puts("open");
    std::fflush(stdout);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
}

// What is sent before the server is there is lost, and the kernel repeats it only after a second: so there is a new
// attempt every so often, and the first one that succeeds counts. All of them are in the tap when the VM comes, which
// answers each: more would measure that.
int connect_at_last(const sockaddr_in& server, Ns limit) {
    constexpr Ns pause = 500'000;
    constexpr std::size_t most_attempts = 256;
    std::vector<pollfd> attempts;
    for (const Ns end = now_ns() + limit; now_ns() < end;) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0 || errno == EINPROGRESS) {
            attempts.push_back({fd, POLLOUT, 0});
        } else {
            close(fd);
        }
        const timespec wait{0, pause};
        ppoll(attempts.data(), attempts.size(), &wait, nullptr);
        for (std::size_t i = 0; i < attempts.size();) {
            const pollfd attempt = attempts[i];
            if ((attempt.revents & POLLOUT) != 0 && (attempt.revents & (POLLERR | POLLHUP)) == 0) return attempt.fd;
            if (attempt.revents == 0 && attempts.size() <= most_attempts) {
                ++i;
                continue;
            }
            close(attempt.fd);
            attempts.erase(attempts.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    fail("nobody answers");
}

int time_first_answer(const sockaddr_in& server, char** command) {
    const Ns begin = now_ns();
    pid_t pid = 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&pid, command[0], &actions, nullptr, command, environ) != 0) fail(command[0]);
    const int fd = connect_at_last(server, 30 * ns_per_s);
    fcntl(fd, F_SETFL, 0);
    constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    std::array<char, 4096> bytes;
    const bool answered =
        send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0 && recv(fd, bytes.data(), bytes.size(), 0) > 0;
    const Ns end = now_ns();
    kill(pid, SIGTERM);
    waitpid(pid, nullptr, 0);
    if (!answered) fail("the first answer");
    std::printf("{\"ms\": %.3f}\n", static_cast<double>(end - begin) / 1e6);
    return 0;
}

}  // namespace

int main(int count, char** words) {
    if (count < 5) return 64;
    const std::string_view what = words[1];
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(words[3])));
    if (inet_pton(AF_INET, words[2], &server.sin_addr) != 1) return 64;
    const auto duration = static_cast<Ns>(std::atof(words[4]) * double(ns_per_s));
    if (what == "send" || what == "receive") {
        transfer(server, what == "send", duration);
    } else if (what == "echo") {
        echo(server, duration);
    } else if (what == "idle") {
        hold_idle(server, std::atoi(words[4]));
    } else if (what == "first") {
        return time_first_answer(server, words + 4);
    } else {
        return 64;
    }
}
