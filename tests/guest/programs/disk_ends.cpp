// SPDX-License-Identifier: Apache-2.0
// Writes all of a disk, argument 1, without a sync, and then ends in the way that argument 2 says.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using guest_test::check;

int main(int, char** argv) {
    const int fd = open(argv[1], O_RDWR);
    check(fd >= 0);
    const off_t size = lseek(fd, 0, SEEK_END);
    // Block n is n, n, n, ...: whoever looks at the disk afterwards sees what is missing.
    std::vector<std::uint32_t> block(1024);
    for (off_t at = 0; at < size; at += 4096) {
        block.assign(block.size(), static_cast<std::uint32_t>(at / 4096));
        check(pwrite(fd, block.data(), 4096, at) == 4096);
    }
    // Somebody who does not stop by himself.
    std::thread([] {
        for (;;) {
        }
    }).detach();
    const std::string way = argv[2];
    std::puts("written");
    std::fflush(stdout);
    if (way == "_exit") _exit(3);
    if (way == "abort") std::abort();
    if (way == "kill") kill(getpid(), SIGKILL);
    if (way == "fault") std::printf("%c", *std::getenv("HUSK_NOT_THERE"));
    while (way == "wait") pause();  // for a signal
    return 0;
}
