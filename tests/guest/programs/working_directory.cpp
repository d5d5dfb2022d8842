// SPDX-License-Identifier: Apache-2.0
// A program that begins in a mounted directory names files on that disk, not in the directory that the mount covers.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/guest/check.hpp"

using namespace guest_test;

int main(int, char** argv) {
    const std::string mount = argv[1];
    struct stat here {
    }, there{};
    check(stat(".", &here) == 0);
    check(stat(mount.c_str(), &there) == 0);
    check_equal(here.st_dev, there.st_dev);
    check_equal(here.st_ino, there.st_ino);
    check(close(open("relative", O_WRONLY | O_CREAT, 0644)) == 0);
    check(access((mount + "/relative").c_str(), F_OK) == 0);
    passed("working directory");
}
