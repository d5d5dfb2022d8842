// SPDX-License-Identifier: Apache-2.0
// usage: ext4_busy_end FOLDER
//
// Ends while other threads change files below FOLDER, and with files open and mapped that have no name any more. The
// disk must be clean afterwards: e2fsck says so (list.toml).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using guest_test::check;

namespace {

constexpr int rounds_before_end = 20;

void append(const std::string& folder, int) {
    static const std::vector<char> piece(48 << 10, 'a');
    int file = open((folder + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    check(file >= 0);
    check(write(file, piece.data(), piece.size()) == static_cast<ssize_t>(piece.size()));
    check(fdatasync(file) == 0);
    // So that the disk does not fill up.
    if (lseek(file, 0, SEEK_END) > 4 << 20) check(ftruncate(file, 0) == 0);
    check(close(file) == 0);
}

void make_and_remove(const std::string& folder, int round) {
    std::string directory = folder + "/directory", name = directory + "/" + std::to_string(round % 50);
    mkdir(directory.c_str(), 0755);
    int file = open(name.c_str(), O_WRONLY | O_CREAT, 0644);
    check(file >= 0);
    check(write(file, "contents", 8) == 8);
    check(close(file) == 0);
    check(rename(name.c_str(), (name + ".renamed").c_str()) == 0);
    if (round % 3 == 0) check(unlink((name + ".renamed").c_str()) == 0);
}

void grow_and_shrink(const std::string& folder, int) {
    int file = open((folder + "/sparse").c_str(), O_RDWR | O_CREAT, 0644);
    check(file >= 0);
    for (int i = 0; i < 200; ++i) check(pwrite(file, "x", 1, off_t{i} << 16) == 1);
    check(fsync(file) == 0);
    check(ftruncate(file, 3 << 16) == 0);
    check(close(file) == 0);
}

void write_without_a_name(const std::string& folder, int) {
    static const std::vector<char> piece(1 << 20, 'b');
    std::string name = folder + "/nameless";
    int file = open(name.c_str(), O_WRONLY | O_CREAT, 0644);
    check(file >= 0 && unlink(name.c_str()) == 0);
    check(write(file, piece.data(), piece.size()) == static_cast<ssize_t>(piece.size()));
    check(fsync(file) == 0 && close(file) == 0);
}

// Its descriptor stays open.
int make_nameless(const std::string& name) {
    static const std::vector<char> contents(300'000, 'c');
    int file = open(name.c_str(), O_RDWR | O_CREAT, 0644);
    check(file >= 0 && unlink(name.c_str()) == 0);
    check(write(file, contents.data(), contents.size()) == static_cast<ssize_t>(contents.size()));
    return file;
}

void keep_nameless_files(const std::string& folder) {
    check(fsync(make_nameless(folder + "/stored")) == 0);
    make_nameless(folder + "/cached");
    int mapped = make_nameless(folder + "/mapped");
    void* at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0);
    check(at != MAP_FAILED && close(mapped) == 0);
    std::memset(at, 'd', 4096);
    std::string directory = folder + "/removed";
    check(mkdir(directory.c_str(), 0755) == 0 && open(directory.c_str(), O_RDONLY) >= 0);
    check(rmdir(directory.c_str()) == 0);
}

}  // namespace

int main(int, char** arguments) {
    using Work = void (*)(const std::string&, int);
    constexpr Work works[] = {append, make_and_remove, grow_and_shrink, write_without_a_name};
    static std::atomic<int> unready = std::size(works);
    for (Work work : works) {
        std::thread([work, folder = std::string(arguments[1])] {
            for (int round = 0;; ++round) {
                work(folder, round);
                if (round == rounds_before_end) --unready;
            }
        }).detach();
    }
    keep_nameless_files(arguments[1]);
    while (unready != 0) usleep(1000);
    std::puts("ok busy end");
    std::fflush(stdout);
    _exit(0);  // no destructor may run under the threads
}
