// SPDX-License-Identifier: Apache-2.0
// Threads that create, sync, rename, cut and remove files on one disk at the same time, each in a folder of its own.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int thread_count = 8, rounds = 60, names = 20;
constexpr std::size_t block = 4096;

void require(bool condition, const char* what) {
    if (condition) return;
    std::perror(what);
    std::exit(1);
}

void work(const std::string& folder, char letter) {
    std::string bytes(block, letter);
    require(mkdir(folder.c_str(), 0755) == 0, "mkdir");
    for (int round = 0; round < rounds; ++round) {
        std::string name = folder + "/" + std::to_string(round % names), temporary = folder + "/new";
        int file = open(temporary.c_str(), O_CREAT | O_EXCL | O_RDWR, 0644);
        require(file >= 0, "create");
        for (int i = 0; i <= round % 10; ++i) {
            require(write(file, bytes.data(), block) == static_cast<ssize_t>(block), "write");
        }
        if (round % 5 == 0) require(ftruncate(file, 5000) == 0, "truncate");
        require((round % 2 == 0 ? fsync(file) : fdatasync(file)) == 0, "sync");
        char last = 0;
        require(pread(file, &last, 1, block - 1) == 1 && last == letter, "read");
        require(close(file) == 0, "close");
        require(rename(temporary.c_str(), name.c_str()) == 0, "rename");
        if (round % 7 == 3) require(unlink(name.c_str()) == 0, "unlink");
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::string base = argc > 1 ? argv[1] : ".";
    std::vector<std::thread> threads;
    for (int i = 0; i < thread_count; ++i) {
        threads.emplace_back(work, base + "/thread" + std::to_string(i), static_cast<char>('a' + i));
    }
    for (std::thread& thread : threads) thread.join();
    for (int i = 0; i < thread_count; ++i) {
        for (int name = 0; name < names; ++name) {
            struct stat found;
            std::string path = base + "/thread" + std::to_string(i) + "/" + std::to_string(name);
            bool exists = stat(path.c_str(), &found) == 0;
            std::printf("%d/%d: %ld\n", i, name, exists ? static_cast<long>(found.st_size) : -1L);
        }
    }
}
