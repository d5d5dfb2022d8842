// SPDX-License-Identifier: Apache-2.0
// Names without a server [rfc6762], and a name server for dig [rfc1035], as far as one A record goes.
//
//   mdns serve NAME ADDRESS   answers on port 53, and on port 5353 for the group 224.0.0.251, until SIGTERM
//   mdns ask NAME             asks the group and prints "NAME is ADDRESS"
//   mdns self                 asks itself over loopback
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

constexpr const char* group_address = "224.0.0.251";
constexpr std::uint16_t dns_port = 53, mdns_port = 5353;
constexpr std::size_t header_bytes = 12;
constexpr std::uint16_t is_response = 0x8000, is_authoritative = 0x0400, no_such_name = 3;
constexpr std::uint16_t type_a = 1, class_in = 1, flush_cache = 0x8000;

void put(std::string& to, std::uint16_t value) {
    to += static_cast<char>(value >> 8);
    to += static_cast<char>(value & 0xff);
}

std::uint16_t get(std::string_view from, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(from[at]) << 8 |
                                      static_cast<unsigned char>(from[at + 1]));
}

std::string encode_name(std::string_view name) {
    std::string encoded;
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        encoded += static_cast<char>(label.size());
        encoded += label;
        name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    return encoded + '\0';
}

std::string header(std::uint16_t id, std::uint16_t flags, std::uint16_t questions, std::uint16_t answers) {
    std::string text;
    for (const std::uint16_t word : {id, flags, questions, answers, std::uint16_t{0}, std::uint16_t{0}})
        put(text, word);
    return text;
}

std::string question(std::string_view name) {
    std::string text = header(0, 0, 1, 0) + encode_name(name);
    put(text, type_a);
    put(text, class_in);
    return text;
}

std::string record(std::string_view name, in_addr address, std::uint16_t flags) {
    std::string text = encode_name(name);
    put(text, type_a);
    put(text, class_in | flags);
    put(text, 0);
    put(text, 120);  // seconds
    put(text, sizeof address);
    return text.append(reinterpret_cast<const char*>(&address), sizeof address);
}

// The response to a datagram that asks for `name`. Whoever does not send from port 5353 knows unicast DNS only and gets
// its question back [rfc6762 6.7].
std::optional<std::string> respond(std::string_view asked, std::string_view name, in_addr address, bool is_multicast) {
    const std::string wanted = encode_name(name);
    if (asked.size() < header_bytes + wanted.size() + 4 || (get(asked, 2) & is_response) != 0 || get(asked, 4) != 1)
        return std::nullopt;
    const bool is_found =
        asked.substr(header_bytes).starts_with(wanted) && get(asked, header_bytes + wanted.size()) == type_a;
    if (is_multicast) {
        if (!is_found) return std::nullopt;
        return header(0, is_response | is_authoritative, 0, 1) + record(name, address, flush_cache);
    }
    const std::size_t end = asked.find('\0', header_bytes) + 5;
    const std::string copy(asked.substr(header_bytes, end - header_bytes));
    const auto flags = static_cast<std::uint16_t>(is_response | is_authoritative | (get(asked, 2) & 0x0100));
    if (!is_found) return header(get(asked, 0), flags | no_such_name, 1, 0) + copy;
    return header(get(asked, 0), flags, 1, 1) + copy + record(name, address, 0);
}

// The address in an answer about `name`.
std::optional<in_addr> read_answer(std::string_view text, std::string_view name) {
    const std::string wanted = encode_name(name);
    in_addr address{};
    if (text.size() < header_bytes + wanted.size() + 10 + sizeof address || (get(text, 2) & is_response) == 0 ||
        get(text, 6) != 1 || !text.substr(header_bytes).starts_with(wanted))
        return std::nullopt;
    std::memcpy(&address, text.data() + header_bytes + wanted.size() + 10, sizeof address);
    return address;
}

sockaddr_in endpoint(const char* address, std::uint16_t port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(port);
    check_equal(inet_pton(AF_INET, address, &result.sin_addr), 1);
    return result;
}

int open_socket(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    check_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    const sockaddr_in address = endpoint("0.0.0.0", port);
    check_equal(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
}

int join_group(const char* interface) {
    const int fd = open_socket(mdns_port);
    ip_mreq request{endpoint(group_address, 0).sin_addr, endpoint(interface, 0).sin_addr};
    check_equal(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request), 0);
    if (request.imr_interface.s_addr != INADDR_ANY)
        check_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request.imr_interface, sizeof(in_addr)), 0);
    const unsigned char ttl = 255;  // [rfc6762 11]
    check_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl), 0);
    return fd;
}

void send_to(int fd, const sockaddr_in& to, const std::string& text) {
    check_equal(sendto(fd, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
                static_cast<ssize_t>(text.size()));
}

void answer_one(int fd, std::string_view name, in_addr address) {
    std::array<char, 1500> bytes;
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    const ssize_t got = recvfrom(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
    check(got >= 0);
    const bool is_multicast = ntohs(peer.sin_port) == mdns_port;
    const auto answer = respond({bytes.data(), static_cast<std::size_t>(got)}, name, address, is_multicast);
    if (answer) send_to(fd, is_multicast ? endpoint(group_address, mdns_port) : peer, *answer);
}

void serve(std::string_view name, const char* address) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    std::array<pollfd, 3> polled{{{signalfd(-1, &signals, 0), POLLIN, 0},
                                  {open_socket(dns_port), POLLIN, 0},
                                  {join_group("0.0.0.0"), POLLIN, 0}}};
    std::puts("ready");
    std::fflush(stdout);
    for (;;) {
        check(poll(polled.data(), polled.size(), -1) > 0);
        if (polled[0].revents != 0) return;
        for (const int i : {1, 2}) {
            if (polled[static_cast<std::size_t>(i)].revents != 0)
                answer_one(polled[static_cast<std::size_t>(i)].fd, name, endpoint(address, 0).sin_addr);
        }
    }
}

// Asks every second, as long as `responder`, when there is one, answers in between.
void ask(int fd, std::string_view name, int responder, const char* address) {
    constexpr int tries = 20, patience_ms = 1000;
    for (int i = 0; i < tries; ++i) {
        send_to(fd, endpoint(group_address, mdns_port), question(name));
        std::array<pollfd, 2> polled{{{fd, POLLIN, 0}, {responder, POLLIN, 0}}};
        while (poll(polled.data(), polled.size(), patience_ms) > 0) {
            if (polled[1].revents != 0) answer_one(responder, name, endpoint(address, 0).sin_addr);
            if (polled[0].revents == 0) continue;
            std::array<char, 1500> bytes;
            const ssize_t got = recv(fd, bytes.data(), bytes.size(), 0);
            check(got >= 0);
            const auto found = read_answer({bytes.data(), static_cast<std::size_t>(got)}, name);
            if (!found) continue;  // the question itself, which comes back
            std::printf("%.*s is %s\n", static_cast<int>(name.size()), name.data(), inet_ntoa(*found));
            return;
        }
    }
    fail("nobody answers", std::source_location::current());
}

}  // namespace

int main(int count, char** words) {
    const std::string_view what = count > 1 ? words[1] : "";
    if (what == "serve" && count == 4) {
        serve(words[2], words[3]);
    } else if (what == "ask" && count == 3) {
        ask(join_group("0.0.0.0"), words[2], -1, "0.0.0.0");
    } else if (what == "self") {
        ask(join_group("127.0.0.1"), "self.local", join_group("127.0.0.1"), "192.0.2.9");
        passed("mdns");
    } else {
        return 2;
    }
}
