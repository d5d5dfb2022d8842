// SPDX-License-Identifier: Apache-2.0
// What a program gets out of a disk (argument 1, a file or /dev/vda) or a file system (a folder), as one line of JSON:
// operations per second.
#include <fcntl.h>
#include <liburing.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t small = 4096, large = 1 << 20;
constexpr std::chrono::milliseconds duration{1000};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

char* aligned_memory(std::size_t size) {
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    return static_cast<char*>(memory);
}

class Disk {
public:
    Disk(const char* path, int flags) : fd_(open(path, flags)) {
        if (fd_ < 0) fail(path);
        size_ = static_cast<std::uint64_t>(lseek(fd_, 0, SEEK_END));
    }
    ~Disk() { close(fd_); }
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    int fd() const { return fd_; }
    std::uint64_t size() const { return size_; }

private:
    int fd_;
    std::uint64_t size_;
};

// Calls operation() until the time is over; how often per second.
template <class Operation>
double rate(Operation operation) {
    const auto begin = Clock::now();
    std::uint64_t count = 0;
    do {
        operation();
        ++count;
    } while (Clock::now() - begin < duration);
    return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - begin).count();
}

class RandomBlocks {
public:
    RandomBlocks(const Disk& disk, unsigned seed) : random_(seed), blocks_(disk.size() / small) {}
    off_t next() { return static_cast<off_t>(random_() % blocks_ * small); }

private:
    std::mt19937 random_;
    std::uint64_t blocks_;
};

double random_reads(const char* path) {
    Disk disk(path, O_RDONLY | O_DIRECT);
    char* memory = aligned_memory(small);
    RandomBlocks blocks(disk, 1);
    return rate([&] {
        if (pread(disk.fd(), memory, small, blocks.next()) != static_cast<ssize_t>(small)) fail("pread");
    });
}

double deep_reads_by_threads(const Disk& disk, unsigned depth) {
    std::atomic<std::uint64_t> count = 0;
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    const auto begin = Clock::now();
    for (unsigned number = 0; number < depth; ++number) {
        threads.emplace_back([&, number] {
            char* memory = aligned_memory(small);
            RandomBlocks blocks(disk, number);
            while (!stop.load(std::memory_order_relaxed)) {
                if (pread(disk.fd(), memory, small, blocks.next()) != static_cast<ssize_t>(small)) fail("pread");
                count.fetch_add(1, std::memory_order_relaxed);
            }
        });
    }
    std::this_thread::sleep_for(duration);
    stop = true;
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    const double result = static_cast<double>(count.load()) / seconds;
    for (std::thread& thread : threads) thread.join();
    return result;
}

double deep_reads_by_ring(const Disk& disk, io_uring& ring, unsigned depth) {
    char* memory = aligned_memory(small * depth);
    RandomBlocks blocks(disk, 1);
    auto ask = [&](unsigned slot) {
        io_uring_sqe* entry = io_uring_get_sqe(&ring);
        io_uring_prep_read(entry, disk.fd(), memory + small * slot, small, static_cast<std::uint64_t>(blocks.next()));
        io_uring_sqe_set_data64(entry, slot);
    };
    for (unsigned slot = 0; slot < depth; ++slot) ask(slot);
    std::uint64_t count = 0;
    const auto begin = Clock::now();
    while (Clock::now() - begin < duration) {
        if (io_uring_submit_and_wait(&ring, 1) < 0) fail("io_uring");
        unsigned head, seen = 0;
        io_uring_cqe* answer;
        io_uring_for_each_cqe(&ring, head, answer) {
            if (answer->res != static_cast<int>(small)) fail("read by io_uring");
            ask(static_cast<unsigned>(io_uring_cqe_get_data64(answer)));
            ++seen;
        }
        io_uring_cq_advance(&ring, seen);
        count += seen;
    }
    return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - begin).count();
}

// By io_uring where the kernel has it, else by as many threads.
double deep_reads(const char* path) {
    constexpr unsigned depth = 32;
    Disk disk(path, O_RDONLY | O_DIRECT);
    io_uring ring;
    if (io_uring_queue_init(depth, &ring, 0) != 0) return deep_reads_by_threads(disk, depth);
    const double result = deep_reads_by_ring(disk, ring, depth);
    io_uring_queue_exit(&ring);
    return result;
}

double sequential(const char* path, bool write) {
    Disk disk(path, (write ? O_WRONLY : O_RDONLY) | O_DIRECT);
    char* memory = aligned_memory(large);
    std::uint64_t at = 0;
    return rate([&] {
        const auto offset = static_cast<off_t>(at);
        const ssize_t moved =
            write ? pwrite(disk.fd(), memory, large, offset) : pread(disk.fd(), memory, large, offset);
        if (moved != static_cast<ssize_t>(large)) fail("sequential");
        at = (at + large) % (disk.size() / large * large);
    });
}

double cached_reads(const char* path) {
    Disk disk(path, O_RDONLY);
    constexpr std::size_t bytes = 1 << 20;  // a set that the CPU's caches hold: the calls are measured, not the memory
    std::vector<char> memory(small);
    for (std::size_t at = 0; at < bytes; at += small) {
        if (pread(disk.fd(), memory.data(), small, static_cast<off_t>(at)) < 0) fail("pread");
    }
    std::uint32_t block = 0;
    constexpr unsigned batch = 256;
    return batch * rate([&] {
               for (unsigned i = 0; i < batch; ++i) {
                   block = block * 5 + 1;
                   const auto offset = static_cast<off_t>(block % (bytes / small) * small);
                   if (pread(disk.fd(), memory.data(), small, offset) != static_cast<ssize_t>(small)) fail("pread");
               }
           });
}

// As programs replace a file so that a crash leaves the old one or the new one.
double durable_files(const char* folder) {
    if (chdir(folder) != 0) fail(folder);
    const std::vector<char> contents(small, 'd');
    return rate([&] {
        const int fd = open("new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || write(fd, contents.data(), small) != static_cast<ssize_t>(small)) fail("write");
        if (fsync(fd) != 0 || close(fd) != 0 || rename("new", "kept") != 0) fail("rename");
    });
}

bool is_folder(const char* path) {
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

}  // namespace

int main(int, char** argv) {
    if (is_folder(argv[1])) {
        std::printf("{\"durable_files\": %.0f}\n", durable_files(argv[1]));
        return 0;
    }
    std::printf("{\"random_read\": %.0f, ", random_reads(argv[1]));
    std::printf("\"random_read_32\": %.0f, ", deep_reads(argv[1]));
    std::printf("\"sequential_read\": %.1f, ", sequential(argv[1], false));
    std::printf("\"sequential_write\": %.1f, ", sequential(argv[1], true));
    std::printf("\"cached_read\": %.0f}\n", cached_reads(argv[1]));
}
