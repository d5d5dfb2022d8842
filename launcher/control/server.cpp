// SPDX-License-Identifier: Apache-2.0
#include "launcher/control/server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <string_view>
#include <utility>

namespace husk::control {

namespace {

// Nobody needs more, and each has a buffer.
constexpr std::size_t max_clients = 16;

// Answers are far smaller than a socket's buffer. A client that does not take them is given up.
bool send_line(int fd, std::string_view line) {
    return ::send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT) == static_cast<ssize_t>(line.size());
}

}  // namespace

Server::Server(event::EventLoop& loop, NameClaim claim, Answer answer)
    : loop_(loop), claim_(std::move(claim)), answer_(std::move(answer)) {
    accept_clients();
}

void Server::accept_clients() {
    for (;;) {
        host::FileDescriptor socket(::accept4(claim_.listener(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket.is_open()) break;
        if (clients_.size() >= max_clients && !make_room()) {
            static_cast<void>(send_line(socket.get(), error_line("there are too many clients")));
            continue;
        }
        const int fd = socket.get();
        clients_.insert_or_assign(fd, Client{std::move(socket), {}, ++last_arrival_});
        loop_.watch(fd, POLLIN, [this, fd] { read_from(fd); });
    }
    loop_.watch(claim_.listener(), POLLIN, [this] { accept_clients(); });
}

bool Server::make_room() {
    // Some may have gone or asked, and the loop has not come to them yet.
    for (auto client = clients_.begin(); client != clients_.end();) {
        client = serve(client->second) ? std::next(client) : clients_.erase(client);
    }
    if (clients_.size() < max_clients) return true;
    const auto longest_silent = std::ranges::min_element(
        clients_, {}, [](const auto& client) { return std::pair(client.second.has_asked, client.second.arrival); });
    if (longest_silent->second.has_asked) return false;
    clients_.erase(longest_silent);
    return true;
}

void Server::read_from(int fd) {
    const auto found = clients_.find(fd);
    if (found == clients_.end()) return;
    if (serve(found->second)) {
        loop_.watch(fd, POLLIN, [this, fd] { read_from(fd); });
    } else {
        clients_.erase(found);
    }
}

bool Server::serve(Client& client) {
    std::array<char, request_max_bytes> bytes;
    const ssize_t count = ::recv(client.socket.get(), bytes.data(), bytes.size(), 0);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    client.received.append(bytes.data(), static_cast<std::size_t>(count));
    if (!answer_lines(client)) return false;
    if (client.received.size() < request_max_bytes) return true;
    static_cast<void>(send_line(client.socket.get(), error_line("a request is at most 4 KiB long")));
    return false;
}

bool Server::answer_lines(Client& client) {
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = client.received.find('\n', begin)) != std::string::npos; begin = end + 1) {
        client.has_asked = true;
        std::string wrong;
        const auto request = parse_request(std::string_view(client.received).substr(begin, end - begin), wrong);
        if (!send_line(client.socket.get(), request ? answer_(*request) : error_line(wrong))) return false;
    }
    client.received.erase(0, begin);
    return true;
}

}  // namespace husk::control
