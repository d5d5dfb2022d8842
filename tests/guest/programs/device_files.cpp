// SPDX-License-Identifier: Apache-2.0
// /dev: null, zero, full, random, urandom, the standard streams.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

int open_device(const char* path, int flags = O_RDWR) {
    const int fd = open(path, flags);
    check(fd >= 0);
    return fd;
}

}  // namespace

int main() {
    char bytes[256];
    int fd = open_device("/dev/null");
    check_equal(read(fd, bytes, sizeof bytes), 0);
    check_equal(write(fd, bytes, sizeof bytes), 256);
    close(fd);
    passed("null");

    fd = open_device("/dev/zero");
    std::memset(bytes, 1, sizeof bytes);
    check_equal(read(fd, bytes, sizeof bytes), 256);
    check(bytes[0] == 0 && bytes[255] == 0);
    close(fd);
    passed("zero");

    fd = open_device("/dev/full");
    check_fails(write(fd, bytes, 1), ENOSPC);
    check_equal(read(fd, bytes, 16), 16);
    close(fd);
    passed("full");

    for (const char* path : {"/dev/random", "/dev/urandom"}) {
        fd = open_device(path, O_RDONLY);
        char more[256];
        check_equal(read(fd, bytes, sizeof bytes), 256);
        check_equal(read(fd, more, sizeof more), 256);
        check(std::memcmp(bytes, more, sizeof bytes) != 0);
        close(fd);
    }
    passed("random");

    fd = open_device("/dev/stdout", O_WRONLY);
    check_equal(write(fd, "through /dev/stdout\n", 20), 20);
    close(fd);
    fd = open_device("/dev/fd/1", O_WRONLY);
    check_equal(write(fd, "through /dev/fd/1\n", 18), 18);
    close(fd);
    struct stat status {};
    for (const char* path : {"/dev/stdin", "/dev/stderr", "/dev/shm"}) check_equal(stat(path, &status), 0);
    check_fails(open("/dev/nothing", O_RDONLY), ENOENT);
    passed("standard streams");
}
