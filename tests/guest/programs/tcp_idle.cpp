// SPDX-License-Identifier: Apache-2.0
// Ten thousand connections at once: what they cost in memory while they are idle, that each still carries its own
// bytes, and that nothing is left when they are gone.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

constexpr int pairs = 10000;
constexpr std::uint64_t most_bytes_each = 16384;

std::uint64_t free_bytes() {
    std::FILE* file = std::fopen("/proc/meminfo", "r");
    check(file != nullptr);
    char line[128];
    unsigned long long kilobytes = 0;
    while (std::fgets(line, sizeof line, file) != nullptr && std::sscanf(line, "MemFree: %llu", &kilobytes) != 1) {
    }
    std::fclose(file);
    return kilobytes * 1024;
}

struct Pair {
    int client;
    int server;
};

sockaddr_in listen_on(int listener) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    check_equal(bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
    check_equal(listen(listener, 128), 0);
    check_equal(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    return address;
}

Pair open_pair(int listener, const sockaddr_in& address) {
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    check(client >= 0);
    check_equal(connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const int server = accept(listener, nullptr, nullptr);
    check(server >= 0);
    return {client, server};
}

void exchange(const Pair& pair, std::uint32_t number) {
    std::uint32_t got = 0;
    check_equal(write(pair.client, &number, sizeof number), static_cast<ssize_t>(sizeof number));
    check_equal(read(pair.server, &got, sizeof got), static_cast<ssize_t>(sizeof got));
    check_equal(got, number);
}

// With a reset, so that no end waits for stragglers.
void close_pair(const Pair& pair) {
    const linger at_once = {1, 0};
    setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(pair.client);
    close(pair.server);
}

}  // namespace

int main() {
    const rlimit files = {2 * pairs + 100, 2 * pairs + 100};
    check_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address = listen_on(listener);
    std::vector<Pair> all(pairs);
    // The tables that grow, grow once.
    for (int round = 0; round < 2; ++round) {
        const std::uint64_t before = free_bytes();
        for (Pair& pair : all) pair = open_pair(listener, address);
        const std::uint64_t now = free_bytes();
        const std::uint64_t each = before > now ? (before - now) / (2 * pairs) : 0;
        check(each <= most_bytes_each);
        std::fprintf(stderr, "%llu bytes for each of %d ends\n", static_cast<unsigned long long>(each), 2 * pairs);
        for (int i = 0; i < pairs; ++i) exchange(all[static_cast<std::size_t>(i)], static_cast<std::uint32_t>(i));
        for (int i = pairs; i-- > 0;) exchange(all[static_cast<std::size_t>(i)], static_cast<std::uint32_t>(i * 3));
        for (const Pair& pair : all) close_pair(pair);
    }
    // Short connections, one after the other, leave nothing.
    const std::uint64_t before = free_bytes();
    for (int i = 0; i < pairs; ++i) {
        const Pair pair = open_pair(listener, address);
        exchange(pair, static_cast<std::uint32_t>(i));
        close_pair(pair);
    }
    const std::uint64_t now = free_bytes();
    check(before < now + (1 << 20));
    std::puts("ok");
}
