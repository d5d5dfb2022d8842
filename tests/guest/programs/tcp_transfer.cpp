// SPDX-License-Identifier: Apache-2.0
// A large transfer over loopback from thread to thread, every byte checked. Argument: MiB.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

// The stream's eight bytes at offset 8 n.
std::uint64_t word_at(std::uint64_t n) { return (n + 1) * 0x9e37'79b9'7f4a'7c15u ^ n >> 7; }

void send_words(int fd, std::uint64_t words) {
    std::vector<std::uint64_t> block(12'345);
    for (std::uint64_t at = 0; at < words;) {
        const std::uint64_t count = std::min<std::uint64_t>(block.size(), words - at);
        for (std::uint64_t i = 0; i < count; ++i) block[i] = word_at(at + i);
        const auto* bytes = reinterpret_cast<const char*>(block.data());
        for (std::size_t done = 0; done < count * 8;) {
            const ssize_t put = send(fd, bytes + done, count * 8 - done, 0);
            check(put > 0);
            done += static_cast<std::size_t>(put);
        }
        at += count;
    }
    shutdown(fd, SHUT_WR);
}

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t words = (argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 128) << 17;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    check_equal(bind(listener, reinterpret_cast<const sockaddr*>(&address), size), 0);
    check_equal(listen(listener, 1), 0);
    check_equal(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    std::thread sender([&] {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        check_equal(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        send_words(fd, words);
        char byte = 0;
        check_equal(read(fd, &byte, 1), 0);
        close(fd);
    });
    const int fd = accept(listener, nullptr, nullptr);
    check(fd >= 0);
    std::vector<char> block(100'000);
    std::uint64_t at = 0;
    for (ssize_t got = 0; (got = read(fd, block.data(), block.size())) > 0;) {
        for (ssize_t i = 0; i < got; ++i, ++at) {
            const std::uint64_t word = word_at(at / 8);
            check(block[static_cast<std::size_t>(i)] == static_cast<char>(word >> (at % 8 * 8)));
        }
    }
    check_equal(at, words * 8);
    close(fd);
    sender.join();
    passed("every byte arrived in order");
}
