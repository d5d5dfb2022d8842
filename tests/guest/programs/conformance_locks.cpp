// SPDX-License-Identifier: Apache-2.0
// Locks on files: who waits for whom, who is woken, and what ends a lock.
#include <sys/file.h>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

const char* const name = "/dev/shm/conformance.lock";

int opened() { return static_cast<int>(needs(open(name, O_RDWR | O_CREAT, 0644))); }

Answer lock(int fd, int command, short type, off_t start, off_t length, pid_t pid = 0) {
    struct flock range = {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = start;
    range.l_len = length;
    range.l_pid = pid;
    errno = 0;
    return Answer(fcntl(fd, command, &range));
}

void whole_files() {
    scenario(SYS_flock, "shared and exclusive", [] {
        const int a = opened(), b = opened(), c = opened();
        answers("a shares", flock(a, LOCK_SH | LOCK_NB));
        answers("b shares", flock(b, LOCK_SH | LOCK_NB));
        answers("c alone", flock(c, LOCK_EX | LOCK_NB));
        answers("a alone", flock(a, LOCK_EX | LOCK_NB));
        answers("a shares again", flock(a, LOCK_SH | LOCK_NB));
        answers("b goes", flock(b, LOCK_UN));
        answers("a alone", flock(a, LOCK_EX | LOCK_NB));
        answers("b shares", flock(b, LOCK_SH | LOCK_NB));
        for (int fd : {a, b, c}) close(fd);
    });
    scenario(SYS_flock, "a copy holds the same lock, and the last close ends it", [] {
        const int a = opened(), b = opened();
        const int copy = dup(a);
        needs(flock(a, LOCK_EX));
        answers("the copy locks", flock(copy, LOCK_EX | LOCK_NB));
        close(a);
        answers("b after one close", flock(b, LOCK_EX | LOCK_NB));
        close(copy);
        answers("b after the last close", flock(b, LOCK_EX | LOCK_NB));
        close(b);
    });
    scenario(SYS_flock, "waits until the other unlocks", [] {
        const int a = opened(), b = opened();
        needs(flock(a, LOCK_EX));
        Caller waiter([=] { return flock(b, LOCK_EX); });
        waiter.waits();
        flock(a, LOCK_UN);
        answers("then", waiter.join());
        answers("a", flock(a, LOCK_SH | LOCK_NB));
        close(a);
        close(b);
    });
    scenario(SYS_flock, "waits until the other closes", [] {
        const int a = opened(), b = opened();
        needs(flock(a, LOCK_EX));
        Caller waiter([=] { return flock(b, LOCK_SH); });
        waiter.waits();
        close(a);
        answers("then", waiter.join());
        close(b);
    });
    scenario(SYS_flock, "waits, and a signal comes", [] {
        const int a = opened(), b = opened();
        needs(flock(a, LOCK_EX));
        interrupted([=] { return flock(b, LOCK_SH); }, [=] { flock(a, LOCK_UN); });
        close(a);
        close(b);
    });
}

void ranges() {
    scenario(SYS_fcntl, "F_OFD_SETLK: ranges", [] {
        const int a = opened(), b = opened();
        answers("a writes 0 to 10", lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
        answers("b reads 9", lock(b, F_OFD_SETLK, F_RDLCK, 9, 1));
        answers("b reads 10", lock(b, F_OFD_SETLK, F_RDLCK, 10, 1));
        answers("a gives up 5 to 10", lock(a, F_OFD_SETLK, F_UNLCK, 5, 5));
        answers("b reads 9", lock(b, F_OFD_SETLK, F_RDLCK, 9, 1));
        answers("a writes to the end", lock(a, F_OFD_SETLK, F_WRLCK, 5, 0));
        answers("a writes from 20", lock(a, F_OFD_SETLK, F_WRLCK, 20, 0));
        answers("b writes far away", lock(b, F_OFD_SETLK, F_WRLCK, 1 << 30, 1));
        answers("a pid must be 0", lock(a, F_OFD_SETLK, F_WRLCK, 0, 1, 1));
        answers("before the start", lock(a, F_OFD_SETLK, F_WRLCK, -5, 1));
        answers("of a negative length", lock(a, F_OFD_SETLK, F_WRLCK, 5, -5));
        close(a);
        answers("after the close", lock(b, F_OFD_SETLK, F_WRLCK, 0, 0));
        close(b);
    });
    scenario(SYS_fcntl, "F_OFD_GETLK: who is in the way", [] {
        const int a = opened(), b = opened();
        lock(a, F_OFD_SETLK, F_WRLCK, 3, 4);
        struct flock range = {};
        range.l_type = F_RDLCK;
        answers("ask", fcntl(b, F_OFD_GETLK, &range));
        is("kind", range.l_type);
        is("start", range.l_start);
        is("length", range.l_len);
        is("pid", range.l_pid);
        range = {};
        range.l_type = F_RDLCK;
        answers("ask oneself", fcntl(a, F_OFD_GETLK, &range));
        is("kind", range.l_type);
        close(a);
        close(b);
    });
    scenario(SYS_fcntl, "F_OFD_SETLKW waits for a range", [] {
        const int a = opened(), b = opened();
        lock(a, F_OFD_SETLK, F_WRLCK, 0, 10);
        Caller waiter([=] { return lock(b, F_OFD_SETLKW, F_WRLCK, 5, 10).result; });
        waiter.waits();
        lock(a, F_OFD_SETLK, F_UNLCK, 0, 5);
        rest_ms(20);
        holds("still waits when another part is free", !waiter.is_back());
        lock(a, F_OFD_SETLK, F_UNLCK, 5, 5);
        answers("then", waiter.join());
        close(a);
        close(b);
    });
    scenario(SYS_fcntl, "F_OFD_SETLKW waits, and a signal comes", [] {
        const int a = opened(), b = opened();
        lock(a, F_OFD_SETLK, F_WRLCK, 0, 0);
        interrupted([=] { return lock(b, F_OFD_SETLKW, F_RDLCK, 0, 1).result; },
                    [=] { lock(a, F_OFD_SETLK, F_UNLCK, 0, 0); });
        close(a);
        close(b);
    });
    scenario(SYS_fcntl, "F_SETLK of one process never meets itself", [] {
        const int a = opened(), b = opened();
        answers("a writes", lock(a, F_SETLK, F_WRLCK, 0, 0));
        answers("b writes", lock(b, F_SETLK, F_WRLCK, 0, 0));
        struct flock range = {};
        range.l_type = F_WRLCK;
        answers("ask", fcntl(b, F_GETLK, &range));
        is("kind", range.l_type);
        close(a);
        close(b);
        const int reader = static_cast<int>(needs(open(name, O_RDONLY)));
        answers("write, read-only", lock(reader, F_SETLK, F_WRLCK, 0, 0));
        answers("read, read-only", lock(reader, F_SETLK, F_RDLCK, 0, 0));
        close(reader);
        const int writer = static_cast<int>(needs(open(name, O_WRONLY)));
        answers("read, write-only", lock(writer, F_SETLK, F_RDLCK, 0, 0));
        close(writer);
    });
    scenario(SYS_flock, "flock and fcntl do not see each other", [] {
        const int a = opened(), b = opened();
        needs(flock(a, LOCK_EX));
        answers("b's range", lock(b, F_OFD_SETLK, F_WRLCK, 0, 0));
        close(a);
        close(b);
    });
}

}  // namespace

int main() {
    whole_files();
    ranges();
    unlink(name);
}
