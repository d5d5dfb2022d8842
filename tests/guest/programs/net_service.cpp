// SPDX-License-Identifier: Apache-2.0
// For the network tests: answers HTTP on TCP port 80 and echoes UDP port 7, until SIGTERM.
//
// GET /N answers with N bytes, of which byte i is i modulo 251, GET /free with the number of free bytes of memory, GET
// /mtu with the MTU of the way to who asks and the longest UDP_SEGMENT there; POST with the number of bytes that came
// and their sum.
// argv[1] and argv[2] name other ports. With argv[3], a number of threads: thread i runs on CPU i and serves TCP port
// argv[1] + i.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int pattern_period = 251;

int fail(const char* what) {
    std::perror(what);
    return 1;
}

int open_socket(int type, int port) {
    const int fd = socket(AF_INET6, type | SOCK_NONBLOCK, 0);  // IPv4 too
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<std::uint16_t>(port));
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return -1;
    if (type == SOCK_STREAM && listen(fd, SOMAXCONN) != 0) return -1;
    return fd;
}

struct Connection {
    std::string input, output;
    std::size_t sent = 0;
    std::size_t body_left = 0;
    std::uint64_t sum = 0, count = 0;
    bool in_body = false;
};

std::string answer(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i % pattern_period);
    return bytes;
}

std::string free_memory() {
    struct sysinfo info {};
    sysinfo(&info);
    return std::to_string(info.freeram * info.mem_unit);
}

std::string way_to_peer(int connection) {
    int mtu = -1;
    socklen_t size = sizeof mtu;
    getsockopt(connection, IPPROTO_IP, IP_MTU, &mtu, &size);
    sockaddr_in6 peer{};
    size = sizeof peer;
    getpeername(connection, reinterpret_cast<sockaddr*>(&peer), &size);
    const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    const std::string bytes(static_cast<std::size_t>(2 * std::max(mtu, 0)), '\0');
    int segment = mtu + 1;
    do {
        --segment;
        setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
    } while (segment > 0 &&
             sendto(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&peer), size) < 0 &&
             errno == EMSGSIZE);
    close(fd);
    return std::to_string(mtu) + " " + std::to_string(segment);
}

void take_body(Connection& connection) {
    const std::size_t count = std::min(connection.input.size(), connection.body_left);
    for (std::size_t i = 0; i < count; ++i) connection.sum += static_cast<unsigned char>(connection.input[i]);
    connection.count += count;
    connection.body_left -= count;
    connection.input.erase(0, count);
    if (connection.body_left != 0) return;
    connection.in_body = false;
    connection.output += answer(std::to_string(connection.count) + " " + std::to_string(connection.sum) + "\n");
}

void serve(int fd, Connection& connection) {
    for (;;) {
        if (connection.in_body) take_body(connection);
        const std::size_t end = connection.input.find("\r\n\r\n");
        if (connection.in_body || end == std::string::npos) return;
        const std::string head = connection.input.substr(0, end);
        connection.input.erase(0, end + 4);
        if (head.starts_with("POST")) {
            const std::size_t length = head.find("Content-Length: ");
            connection.body_left =
                length == std::string::npos ? 0 : std::strtoul(head.c_str() + length + 16, nullptr, 10);
            connection.in_body = true;
            connection.sum = connection.count = 0;
        } else if (head.starts_with("GET /free ")) {
            connection.output += answer(free_memory());
        } else if (head.starts_with("GET /mtu ")) {
            connection.output += answer(way_to_peer(fd));
        } else {
            connection.output += answer(pattern(std::strtoul(head.c_str() + 5, nullptr, 10)));
        }
    }
}

// false: the connection is over.
bool on_ready(int fd, Connection& connection) {
    std::array<char, 65536> bytes;
    for (;;) {
        const ssize_t got = recv(fd, bytes.data(), bytes.size(), 0);
        if (got == 0) return false;
        if (got < 0 && errno != EAGAIN) return false;
        if (got < 0) break;
        connection.input.append(bytes.data(), static_cast<std::size_t>(got));
        serve(fd, connection);
    }
    while (connection.sent < connection.output.size()) {
        const ssize_t sent = send(fd, connection.output.data() + connection.sent,
                                  connection.output.size() - connection.sent, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN;
        connection.sent += static_cast<std::size_t>(sent);
    }
    connection.output.clear();
    connection.sent = 0;
    return true;
}

void echo(int fd) {
    std::array<char, 65536> bytes;
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    ssize_t got = 0;
    while ((got = recvfrom(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size)) >= 0)
        sendto(fd, bytes.data(), static_cast<std::size_t>(got), 0, reinterpret_cast<const sockaddr*>(&peer), size);
}

// Until `end` is readable. No datagrams when that is -1.
int serve_sockets(int listener, int datagrams, int end) {
    const int events = epoll_create1(0);
    const auto watch = [&](int fd, std::uint32_t what) {
        epoll_event event{};
        event.events = what;
        event.data.fd = fd;
        return epoll_ctl(events, EPOLL_CTL_ADD, fd, &event);
    };
    if (watch(end, EPOLLIN) != 0 || watch(listener, EPOLLIN) != 0) return fail("epoll");
    if (datagrams >= 0 && watch(datagrams, EPOLLIN) != 0) return fail("epoll");
    std::map<int, Connection> connections;
    for (;;) {
        std::array<epoll_event, 64> ready;
        const int number = epoll_wait(events, ready.data(), ready.size(), -1);
        for (int i = 0; i < number; ++i) {
            const int fd = ready[static_cast<std::size_t>(i)].data.fd;
            if (fd == end) return 0;
            if (fd == datagrams) {
                echo(fd);
            } else if (fd == listener) {
                for (int made = 0; (made = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
                    const int on = 1;
                    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    watch(made, EPOLLIN | EPOLLOUT | EPOLLET);
                    connections.try_emplace(made);
                }
            } else if (!on_ready(fd, connections[fd])) {
                connections.erase(fd);
                close(fd);
            }
        }
    }
}

int run_on(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    return sched_setaffinity(0, sizeof set, &set);
}

}  // namespace

int main(int count, char** words) {
    rlimit descriptors{};
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int end = signalfd(-1, &signals, SFD_NONBLOCK);
    const int port = count > 1 ? std::atoi(words[1]) : 80;
    const int thread_count = count > 3 ? std::atoi(words[3]) : 1;
    std::vector<int> listeners;
    for (int i = 0; i < thread_count; ++i) {
        listeners.push_back(open_socket(SOCK_STREAM, port + i));
        if (listeners.back() < 0) return fail("TCP");
    }
    const int datagrams = open_socket(SOCK_DGRAM, count > 2 ? std::atoi(words[2]) : 7);
    if (datagrams < 0) return fail("UDP");
    if (thread_count > 1 && run_on(0) != 0) return fail("CPU 0");
    std::vector<std::jthread> threads;
    for (int i = 1; i < thread_count; ++i) {
        threads.emplace_back([=] {
            if (run_on(i) != 0 || serve_sockets(listeners[static_cast<std::size_t>(i)], -1, end) != 0) std::abort();
        });
    }
    std::puts("ready");
    std::fflush(stdout);
    const int status = serve_sockets(listeners[0], datagrams, end);
    threads.clear();
    if (status == 0) std::puts("ended");
    return status;
}
