// SPDX-License-Identifier: Apache-2.0
// A disk, argument 1, used by threads on every CPU at once: what one has written, through the queue of its CPU, another
// reads through its own.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using guest_test::check;
using guest_test::check_equal;
using guest_test::passed;

namespace {

constexpr int threads = 4;
constexpr std::size_t block = 4096;
constexpr std::uint32_t blocks = 64;  // of each thread

struct alignas(block) Block {
    std::uint32_t words[block / 4];
    bool operator==(const Block&) const = default;
};

Block contents(std::uint32_t owner, std::uint32_t number, std::uint32_t round) {
    Block made;
    std::uint32_t word = 0;
    for (std::uint32_t& each : made.words) each = owner << 24 | round << 16 | (number * 97 + word++);
    return made;
}

off_t place(std::uint32_t owner, std::uint32_t number) { return static_cast<off_t>((owner * blocks + number) * block); }

void run_on(std::uint32_t cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    check_equal(sched_setaffinity(0, sizeof set, &set), 0);
    check_equal(sched_getcpu(), static_cast<int>(cpu));
}

// Each thread writes its own blocks in steps that spread over its part of the disk, and reads its neighbour's.
void write_and_read(const char* path, int flags, std::uint32_t round) {
    const std::uint32_t cpus = std::thread::hardware_concurrency();
    const int fd = open(path, O_RDWR | flags);
    check(fd >= 0);
    std::atomic<int> written = 0;
    std::vector<std::thread> all;
    for (std::uint32_t owner = 0; owner < threads; ++owner) {
        all.emplace_back([&, owner] {
            run_on(owner % cpus);
            for (std::uint32_t i = 0; i < blocks; ++i) {
                const std::uint32_t number = i * 29 % blocks;
                const Block made = contents(owner, number, round);
                check_equal(pwrite(fd, &made, block, place(owner, number)), static_cast<ssize_t>(block));
                if (i % 16 == 0) check_equal(fdatasync(fd), 0);
            }
            written.fetch_add(1);
            while (written.load() != threads) sched_yield();
            const std::uint32_t other = (owner + 1) % threads;
            for (std::uint32_t number = 0; number < blocks; ++number) {
                Block read;
                check_equal(pread(fd, &read, block, place(other, number)), static_cast<ssize_t>(block));
                check(read == contents(other, number, round));
            }
        });
    }
    for (std::thread& one : all) one.join();
    check_equal(close(fd), 0);
}

}  // namespace

int main(int, char** argv) {
    write_and_read(argv[1], O_DIRECT, 1);
    passed("direct");
    write_and_read(argv[1], 0, 2);
    passed("through the page cache");
    write_and_read(argv[1], O_DIRECT, 3);
    passed("direct again");
}
