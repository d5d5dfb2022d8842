// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/stream_facts.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace husk::qemu {

namespace {

constexpr unsigned null_major = 1;  // /dev/null is character device 1:3 [devices.txt]
constexpr unsigned null_minor = 3;

const char* name_kind(int fd) {
    struct stat status {};
    if (fstat(fd, &status) != 0) return "closed";
    if (isatty(fd) == 1) return "tty";
    if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(null_major, null_minor)) return "null";
    return S_ISREG(status.st_mode) ? "file" : "pipe";
}

bool are_same_file(int a, int b) {
    struct stat first {};
    struct stat second {};
    return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

}  // namespace

StreamFacts examine_streams() {
    std::string kinds = name_kind(STDIN_FILENO);
    kinds.append(",").append(name_kind(STDOUT_FILENO)).append(",").append(name_kind(STDERR_FILENO));
    return {kinds, are_same_file(STDOUT_FILENO, STDERR_FILENO)};
}

}  // namespace husk::qemu
