// SPDX-License-Identifier: Apache-2.0
// Pipes, eventfd and signalfd: blocking, non-blocking, capacity, end of file.
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

void pipes() {
    int ends[2];
    check_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    char byte = 0;
    check_fails(read(ends[0], &byte, 1), EAGAIN);
    check_fails(write(ends[0], "x", 1), EBADF);
    std::vector<char> block(65536, 'p');
    check_equal(write(ends[1], block.data(), block.size()), 65536);
    check_fails(write(ends[1], "x", 1), EAGAIN);
    int available = 0;
    check_equal(ioctl(ends[0], FIONREAD, &available), 0);
    check_equal(available, 65536);
    check_equal(read(ends[0], block.data(), 5000), 5000);
    check_equal(write(ends[1], block.data(), 4096), 4096);
    close(ends[1]);
    std::size_t rest = 0;
    for (ssize_t got = 0; (got = read(ends[0], block.data(), block.size())) > 0;) rest += static_cast<std::size_t>(got);
    check_equal(rest, 65536u - 5000 + 4096);
    close(ends[0]);
    check_fails(read(ends[0], &byte, 1), EBADF);
    check_fails(pipe2(ends, 0x7000'0000), EINVAL);
}

void blocking_transfer() {
    int ends[2];
    check_equal(pipe(ends), 0);
    constexpr std::size_t total = 1 << 20;
    std::thread writer([&] {
        std::vector<unsigned char> data(total);
        std::iota(data.begin(), data.end(), static_cast<unsigned char>(0));
        check_equal(write(ends[1], data.data(), total), static_cast<ssize_t>(total));  // larger than the pipe
        close(ends[1]);
    });
    std::vector<unsigned char> buffer(10000);
    std::size_t at = 0;
    for (ssize_t got = 0; (got = read(ends[0], buffer.data(), buffer.size())) > 0;) {
        for (ssize_t i = 0; i < got; ++i, ++at) check_equal(buffer[static_cast<std::size_t>(i)], at & 0xff);
    }
    check_equal(at, total);
    writer.join();
    close(ends[0]);
}

void event_descriptors() {
    const int fd = eventfd(3, EFD_NONBLOCK);
    std::uint64_t value = 0;
    check_equal(read(fd, &value, 8), 8);
    check_equal(value, 3u);
    check_fails(read(fd, &value, 8), EAGAIN);
    check_fails(read(fd, &value, 4), EINVAL);
    value = UINT64_MAX - 1;
    check_equal(write(fd, &value, 8), 8);
    value = 1;
    check_fails(write(fd, &value, 8), EAGAIN);
    value = UINT64_MAX;
    check_fails(write(fd, &value, 8), EINVAL);
    close(fd);

    const int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    for (int i = 0; i < 2; ++i) {
        check_equal(read(semaphore, &value, 8), 8);
        check_equal(value, 1u);
    }
    check_fails(read(semaphore, &value, 8), EAGAIN);
    close(semaphore);

    const int blocking = eventfd(0, 0);
    std::thread writer([&] {
        std::this_thread::sleep_for(10ms);
        const std::uint64_t five = 5;
        check_equal(write(blocking, &five, 8), 8);
    });
    check_equal(read(blocking, &value, 8), 8);
    check_equal(value, 5u);
    writer.join();
    close(blocking);
}

void signal_descriptors() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    const int fd = signalfd(-1, &set, SFD_NONBLOCK);
    check(fd >= 0);
    signalfd_siginfo info[4]{};
    check_fails(read(fd, info, sizeof info), EAGAIN);
    raise(SIGUSR2);
    raise(SIGUSR1);
    check_equal(read(fd, info, sizeof info), static_cast<ssize_t>(2 * sizeof info[0]));
    check(info[0].ssi_signo == SIGUSR1 && info[1].ssi_signo == SIGUSR2);
    check_equal(info[0].ssi_pid, static_cast<unsigned>(getpid()));
    close(fd);
}

}  // namespace

int main() {
    pipes();
    passed("pipe");
    blocking_transfer();
    passed("a writer and a reader");
    event_descriptors();
    passed("eventfd");
    signal_descriptors();
    passed("signalfd");
}
