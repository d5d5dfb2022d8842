// SPDX-License-Identifier: Apache-2.0
// Calls that make a descriptor while none is free: which error, and that nothing else has been done.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

const char* const name = "/dev/shm/conformance.none";

// While it lives, `free_count` descriptors are free.
class NoneFree {
public:
    explicit NoneFree(int free_count = 0) {
        needs(getrlimit(RLIMIT_NOFILE, &old_));
        const int lowest = dup(0);
        close(lowest);
        const rlimit few{static_cast<rlim_t>(lowest + free_count), old_.rlim_max};
        needs(setrlimit(RLIMIT_NOFILE, &few));
    }
    NoneFree(const NoneFree&) = delete;
    ~NoneFree() { setrlimit(RLIMIT_NOFILE, &old_); }

private:
    rlimit old_{};
};

void makers() {
    NoneFree none;
    int both[2];
    answer_all({
        {SYS_open, "what is there", "/dev/null", O_RDONLY},
        {SYS_open, "what is not there", "/dev/shm/missing", O_RDONLY},
        {SYS_open, "an unreadable name", nowhere, O_RDONLY},
        {SYS_open, "an empty name", "", O_RDONLY},
        {SYS_openat, "no folder", no_fd, "x", O_RDONLY},
        {SYS_dup, "a file", 0},
        {SYS_dup2, "onto itself", 0, 0},
        {SYS_fcntl, "F_DUPFD", 0, F_DUPFD, 0},
        {SYS_pipe2, "both ends", both, 0},
        {SYS_socket, "TCP", AF_INET, SOCK_STREAM, 0},
        {SYS_socketpair, "AF_UNIX", AF_UNIX, SOCK_STREAM, 0, both},
        {SYS_epoll_create1, "an instance", 0},
        {SYS_eventfd2, "a counter", 0, 0},
    });
}

void nothing_is_created() {
    scenario(SYS_open, "O_CREAT and O_TRUNC without a free descriptor do nothing", [] {
        unlink(name);
        {
            NoneFree none;
            answers("create", open(name, O_RDWR | O_CREAT, 0644));
            answers("is it there", access(name, F_OK));
        }
        const int fd = static_cast<int>(needs(open(name, O_RDWR | O_CREAT, 0644)));
        needs(write(fd, "abc", 3));
        {
            NoneFree none;
            answers("cut off", open(name, O_RDWR | O_TRUNC));
        }
        answers("size", lseek(fd, 0, SEEK_END));
        close(fd);
        unlink(name);
    });
    scenario(SYS_pipe2, "with room for one end only", [] {
        NoneFree but_one(1);
        int both[2] = {77, 77};
        answers("both", pipe(both));
        is("untouched", both[0]);
        const int fd = dup(0);
        holds("the one is free", fd >= 0);
        close(fd);
    });
}

}  // namespace

int main() {
    makers();
    nothing_is_created();
}
