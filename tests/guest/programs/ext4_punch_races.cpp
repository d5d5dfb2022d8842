// SPDX-License-Identifier: Apache-2.0
// usage: ext4_punch_races FOLDER
//
// Holes are punched into a file while others read it, store into it through mappings and write it back. What they bring
// in or send out must not come from, or go to, blocks that are not the file's any more.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

constexpr std::size_t page = 4096, pages = 64;
constexpr char ours = 'a', theirs = 'b';
constexpr int rounds = 80;

std::atomic<bool> ends = false;

off_t random_page(std::minstd_rand& random) { return static_cast<off_t>(random() % pages * page); }

void store(int file) {
    std::minstd_rand random(1);
    while (!ends) {
        void* at = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, file, random_page(random));
        check(at != MAP_FAILED);
        std::fill_n(static_cast<char*>(at), page, ours);
        check(munmap(at, page) == 0);
    }
}

void punch(int file) {
    std::minstd_rand random(2);
    while (!ends) {
        const off_t size = static_cast<off_t>((1 + random() % 8) * page);
        check(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, random_page(random), size) == 0);
    }
}

void read_pages(int file) {
    std::minstd_rand random(3);
    std::array<char, page> bytes;
    while (!ends) {
        check_equal(pread(file, bytes.data(), page, random_page(random)), static_cast<ssize_t>(page));
        for (const char byte : bytes) check(byte == 0 || byte == ours);
    }
}

// What was in a hole must not come back with a page that was read while the hole was made.
void look_into_holes(int file) {
    std::minstd_rand random(4);
    const std::vector<char> contents(8 * page, ours), zeros(8 * page);
    std::vector<char> bytes(8 * page);
    for (int round = 0; round < rounds; ++round) {
        const off_t at = static_cast<off_t>(random() % (pages - 8) * page);
        check_equal(pwrite(file, contents.data(), contents.size(), at), static_cast<ssize_t>(contents.size()));
        check(fsync(file) == 0 &&
              posix_fadvise(file, at, static_cast<off_t>(contents.size()), POSIX_FADV_DONTNEED) == 0);
        check(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, static_cast<off_t>(contents.size())) ==
              0);
        check_equal(pread(file, bytes.data(), bytes.size(), at), static_cast<ssize_t>(bytes.size()));
        check(bytes == zeros);
    }
}

void write_back(int file) {
    while (!ends) check(fsync(file) == 0);
}

// Takes blocks, and looks whether the disk has what was written there.
void use_freed_blocks(const std::string& name) {
    constexpr std::size_t size = pages * page;
    auto* bytes = static_cast<char*>(std::aligned_alloc(page, size));
    check(bytes != nullptr);
    const std::vector<char> contents(size, theirs);
    for (int round = 0; round < rounds; ++round) {
        const int file = open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT, 0600);
        check(file >= 0);
        std::fill_n(bytes, size, theirs);
        check_equal(write(file, bytes, size), static_cast<ssize_t>(size));
        usleep(500);
        std::fill_n(bytes, size, 0);
        check_equal(pread(file, bytes, size, 0), static_cast<ssize_t>(size));
        check(std::equal(contents.begin(), contents.end(), bytes));
        check(close(file) == 0 && unlink(name.c_str()) == 0);
    }
    std::free(bytes);
}

}  // namespace

int main(int, char** arguments) {
    const std::string folder = arguments[1];
    const int file = open((folder + "/ours").c_str(), O_RDWR | O_CREAT, 0600);
    check(file >= 0 && ftruncate(file, pages * page) == 0);
    auto while_others = [&](std::vector<void (*)(int)> works, auto work) {
        ends = false;
        std::vector<std::thread> threads;
        for (auto* other : works) threads.emplace_back(other, file);
        work();
        ends = true;
        for (std::thread& thread : threads) thread.join();
    };
    while_others({read_pages, read_pages}, [&] { look_into_holes(file); });
    passed("a hole is empty");
    while_others({store, punch, read_pages, write_back}, [&] { use_freed_blocks(folder + "/theirs"); });
    passed("no block of two files");
}
