// SPDX-License-Identifier: Apache-2.0
// A disk as a file, argument 1: buffered and direct transfers see each other's bytes, from one thread and from many.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using guest_test::check;
using guest_test::check_equal;
using guest_test::check_fails;
using guest_test::passed;

namespace {

constexpr std::size_t block = 4096;

// Aligned to pages, as direct transfers want it.
class Memory {
public:
    explicit Memory(std::size_t size) : size_(size) {
        bytes_ = static_cast<unsigned char*>(
            mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        check(bytes_ != MAP_FAILED);
    }
    ~Memory() { munmap(bytes_, size_); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    unsigned char* data() { return bytes_; }
    std::size_t size() const { return size_; }

private:
    unsigned char* bytes_;
    std::size_t size_;
};

void fill(unsigned char* to, std::size_t size, unsigned seed) {
    std::minstd_rand random(seed + 1);
    for (std::size_t i = 0; i < size; ++i) to[i] = static_cast<unsigned char>(random() >> 8);
}

void check_filled(const unsigned char* bytes, std::size_t size, unsigned seed) {
    std::vector<unsigned char> expected(size);
    fill(expected.data(), size, seed);
    check(std::equal(expected.begin(), expected.end(), bytes));
}

int open_disk(const char* path, int flags) {
    const int fd = open(path, flags);
    check(fd >= 0);
    return fd;
}

void buffered(const char* path) {
    const int fd = open_disk(path, O_RDWR);
    const off_t size = lseek(fd, 0, SEEK_END);
    check_equal(size, 64l << 20);
    struct Place {
        off_t offset;
        std::size_t size;
    };
    const Place places[] = {
        {0, 512}, {1000, 3000}, {block * 100, block * 3}, {(5 << 20) + 17, 100'000}, {size - 700, 700}};
    unsigned seed = 0;
    for (const Place& place : places) {
        std::vector<unsigned char> bytes(place.size);
        fill(bytes.data(), bytes.size(), seed++);
        check_equal(pwrite(fd, bytes.data(), bytes.size(), place.offset), static_cast<ssize_t>(bytes.size()));
    }
    check_equal(fdatasync(fd), 0);
    seed = 0;
    for (const Place& place : places) {
        std::vector<unsigned char> bytes(place.size);
        check_equal(pread(fd, bytes.data(), bytes.size(), place.offset), static_cast<ssize_t>(bytes.size()));
        check_filled(bytes.data(), bytes.size(), seed++);
    }
    char byte = 0;
    check_equal(pread(fd, &byte, 1, size), 0l);
    close(fd);
    passed("buffered");
}

void direct_sees_buffered(const char* path) {
    const int fd = open_disk(path, O_RDWR);
    const int direct = open_disk(path, O_RDWR | O_DIRECT);
    Memory memory(64 * block);
    fill(memory.data(), memory.size(), 7);
    check_equal(pwrite(fd, memory.data(), memory.size(), 8 << 20), static_cast<ssize_t>(memory.size()));
    check_equal(sync_file_range(fd, 8 << 20, 64 * block, SYNC_FILE_RANGE_WRITE), 0);
    std::memset(memory.data(), 0, memory.size());
    check_equal(pread(direct, memory.data(), memory.size(), 8 << 20), static_cast<ssize_t>(memory.size()));
    check_filled(memory.data(), memory.size(), 7);

    fill(memory.data(), memory.size(), 8);
    check_equal(pwrite(direct, memory.data(), memory.size(), 8 << 20), static_cast<ssize_t>(memory.size()));
    std::memset(memory.data(), 0, memory.size());
    check_equal(pread(fd, memory.data(), memory.size(), 8 << 20), static_cast<ssize_t>(memory.size()));
    check_filled(memory.data(), memory.size(), 8);
    check_equal(fsync(direct), 0);
    close(direct);
    close(fd);
    passed("direct and buffered");
}

void alignment(const char* path) {
    const int fd = open_disk(path, O_RDWR | O_DIRECT);
    Memory memory(2 * block);
    check_fails(pread(fd, memory.data(), 100, 0), EINVAL);
    check_fails(pread(fd, memory.data() + 1, block, 0), EINVAL);
    check_fails(pwrite(fd, memory.data(), block, 1), EINVAL);
    Memory none(block);
    munmap(none.data(), block);
    check_fails(pread(fd, none.data(), block, 0), EFAULT);
    close(fd);
    passed("alignment");
}

void vectors(const char* path) {
    const int fd = open_disk(path, O_RDWR | O_DIRECT);
    Memory memory(512 * block);
    fill(memory.data(), memory.size(), 21);
    std::vector<iovec> pieces;
    for (std::size_t at = 0; at < memory.size();) {
        const std::size_t size = std::min(block * (1 + pieces.size() % 5), memory.size() - at);
        pieces.push_back({memory.data() + at, size});
        at += size;
    }
    check_equal(pwritev(fd, pieces.data(), static_cast<int>(pieces.size()), 16 << 20), 512l * 4096);
    Memory back(512 * block);
    check_equal(pread(fd, back.data(), back.size(), 16 << 20), 512l * 4096);
    check_filled(back.data(), back.size(), 21);
    close(fd);
    passed("vectors");
}

// Each thread has a part of the disk of its own.
void many_threads(const char* path) {
    constexpr int thread_count = 8, rounds = 40;
    std::vector<std::thread> threads;
    for (int number = 0; number < thread_count; ++number) {
        threads.emplace_back([=] {
            const int fd = open_disk(path, O_RDWR | (number % 2 == 0 ? O_DIRECT : 0));
            const off_t base = (24l << 20) + number * (2l << 20);
            Memory memory(16 * block);
            std::minstd_rand random(static_cast<unsigned>(number) + 1);
            for (unsigned round = 0; round < rounds; ++round) {
                const std::size_t size = block * (1 + random() % 16);
                const off_t offset = base + static_cast<off_t>(block * (random() % 400));
                fill(memory.data(), size, round);
                check_equal(pwrite(fd, memory.data(), size, offset), static_cast<ssize_t>(size));
                std::memset(memory.data(), 0, size);
                check_equal(pread(fd, memory.data(), size, offset), static_cast<ssize_t>(size));
                check_filled(memory.data(), size, round);
            }
            check_equal(fsync(fd), 0);
            close(fd);
        });
    }
    for (std::thread& thread : threads) thread.join();
    passed("threads");
}

void synchronous(const char* path) {
    const int fd = open_disk(path, O_WRONLY | O_SYNC);
    const std::string text = "what is written here is on the disk when write() returns";
    check_equal(pwrite(fd, text.data(), text.size(), 3 << 20), static_cast<ssize_t>(text.size()));
    close(fd);
    sync();
    passed("synchronous");
}

void mapped(const char* path) {
    const int fd = open_disk(path, O_RDWR);
    const int direct = open_disk(path, O_RDONLY | O_DIRECT);
    auto* bytes =
        static_cast<unsigned char*>(mmap(nullptr, 8 * block, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4 << 20));
    check(bytes != MAP_FAILED);
    Memory memory(8 * block);
    for (unsigned round = 0; round < 3; ++round) {
        fill(bytes, 8 * block, 50 + round);
        check_equal(msync(bytes, 8 * block, MS_SYNC), 0);
        check_equal(pread(direct, memory.data(), memory.size(), 4 << 20), static_cast<ssize_t>(memory.size()));
        check_filled(memory.data(), memory.size(), 50 + round);
    }
    std::vector<unsigned char> text(100, 'x');
    check_equal(pwrite(fd, text.data(), text.size(), (4 << 20) + 50), 100l);
    check(std::equal(text.begin(), text.end(), bytes + 50));
    check_equal(munmap(bytes, 8 * block), 0);
    close(direct);
    close(fd);
    passed("mapped");
}

}  // namespace

int main(int, char** argv) {
    buffered(argv[1]);
    direct_sees_buffered(argv[1]);
    alignment(argv[1]);
    vectors(argv[1]);
    mapped(argv[1]);
    many_threads(argv[1]);
    synchronous(argv[1]);
}
