// SPDX-License-Identifier: Apache-2.0
// What net_transfers talks to, natively and in a VM: port 5001 reads and forgets, port 5002 sends without end, port
// 5003 echoes datagrams. One thread for each connection; ends by SIGTERM.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

constexpr std::uint16_t sink_port = 5001, source_port = 5002, echo_port = 5003;
constexpr std::size_t piece_bytes = 256 << 10;

int open_socket(int type, std::uint16_t port) {
    const int fd = socket(AF_INET, type, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        (type == SOCK_STREAM && listen(fd, 16) != 0)) {
        std::perror("net_peer");
        std::exit(1);
    }
    return fd;
}

void serve(int connection, bool sends) {
    std::vector<char> bytes(piece_bytes, 'x');
    ssize_t moved = 0;
    do {
        moved = sends ? send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL)
                      : recv(connection, bytes.data(), bytes.size(), 0);
    } while (moved > 0);
    close(connection);
}

void accept_all(int listener, bool sends) {
    for (int made = 0; (made = accept(listener, nullptr, nullptr)) >= 0;) std::thread(serve, made, sends).detach();
}

void echo(int fd) {
    std::array<char, 2048> bytes;
    for (;;) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        auto* any = reinterpret_cast<sockaddr*>(&peer);
        const ssize_t got = recvfrom(fd, bytes.data(), bytes.size(), 0, any, &size);
        if (got >= 0) sendto(fd, bytes.data(), static_cast<std::size_t>(got), 0, any, size);
    }
}

}  // namespace

int main() {
    std::thread(accept_all, open_socket(SOCK_STREAM, sink_port), false).detach();
    std::thread(accept_all, open_socket(SOCK_STREAM, source_port), true).detach();
    const int datagrams = open_socket(SOCK_DGRAM, echo_port);
    std::puts("ready");
    std::fflush(stdout);
    echo(datagrams);
}
