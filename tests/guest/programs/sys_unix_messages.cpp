// SPDX-License-Identifier: Apache-2.0
// What messages of UNIX-domain sockets carry: descriptors and credentials.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <initializer_list>

#include "tests/guest/unix_ends.hpp"

using namespace guest_test;

namespace {

void passing_descriptors() {
    const Pair pair(SOCK_STREAM);
    int pipe_ends[2];
    check_equal(pipe(pipe_ends), 0);
    char text[] = "with a descriptor";
    iovec piece{text, sizeof text};
    alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))]{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* record = CMSG_FIRSTHDR(&header);
    record->cmsg_level = SOL_SOCKET;
    record->cmsg_type = SCM_RIGHTS;
    record->cmsg_len = CMSG_LEN(2 * sizeof(int));
    std::memcpy(CMSG_DATA(record), pipe_ends, sizeof pipe_ends);
    check_equal(sendmsg(pair.a, &header, 0), static_cast<ssize_t>(sizeof text));
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    check_equal(write(pair.a, "more", 4), 4);

    char buffer[64];
    piece = {buffer, sizeof buffer};
    std::memset(control, 0, sizeof control);
    header.msg_controllen = sizeof control;
    check_equal(recvmsg(pair.b, &header, MSG_CMSG_CLOEXEC), static_cast<ssize_t>(sizeof text));  // not glued to "more"
    record = CMSG_FIRSTHDR(&header);
    check(record != nullptr && record->cmsg_type == SCM_RIGHTS && record->cmsg_len == CMSG_LEN(2 * sizeof(int)));
    int received[2];
    std::memcpy(received, CMSG_DATA(record), sizeof received);
    check_equal(fcntl(received[0], F_GETFD), FD_CLOEXEC);
    check_equal(write(received[1], "through", 7), 7);
    check_equal(read(received[0], buffer, sizeof buffer), 7);
    close(received[1]);
    check_equal(read(received[0], buffer, sizeof buffer), 0);  // the sender's copies are gone
    close(received[0]);
    check_equal(read(pair.b, buffer, sizeof buffer), 4);

    int bad = 9999;
    record = reinterpret_cast<cmsghdr*>(control);
    record->cmsg_len = CMSG_LEN(sizeof bad);
    std::memcpy(CMSG_DATA(record), &bad, sizeof bad);
    header.msg_controllen = CMSG_SPACE(sizeof bad);
    check_fails(sendmsg(pair.a, &header, 0), EBADF);
}

void pass(int by, std::initializer_list<int> files) {
    char byte = 'x';
    iovec piece{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))]{};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(files.size() * sizeof(int));
    cmsghdr* record = CMSG_FIRSTHDR(&header);
    record->cmsg_level = SOL_SOCKET;
    record->cmsg_type = SCM_RIGHTS;
    record->cmsg_len = CMSG_LEN(files.size() * sizeof(int));
    std::memcpy(CMSG_DATA(record), files.begin(), files.size() * sizeof(int));
    check_equal(sendmsg(by, &header, 0), 1);
}

// The other end of a pipe in a message is seen to close. Linux looks for what nobody reaches when any such socket ends,
// newer ones a little later.
bool is_collected(int pipe_end) {
    for (int tries = 0; tries < 200; ++tries) {
        close(socket(AF_UNIX, SOCK_DGRAM, 0));
        pollfd watched{pipe_end, POLLIN, 0};
        if (poll(&watched, 1, 10) == 1) return (watched.revents & POLLHUP) != 0;
    }
    return false;
}

void circles_of_descriptors() {
    int pipe_ends[2];
    check_equal(pipe(pipe_ends), 0);
    {
        const Pair pair(SOCK_STREAM);
        pass(pair.a, {pair.b, pipe_ends[1]});
        pass(pair.b, {pair.a});
    }
    close(pipe_ends[1]);
    check(is_collected(pipe_ends[0]));
    close(pipe_ends[0]);

    // Longer, and from one that is still open.
    check_equal(pipe(pipe_ends), 0);
    const Pair kept(SOCK_DGRAM);
    {
        const Pair first(SOCK_SEQPACKET), second(SOCK_STREAM);
        pass(kept.a, {first.a, second.a});
        pass(first.b, {second.a, second.b});
        pass(second.b, {first.a, first.b, pipe_ends[1]});
    }
    close(pipe_ends[1]);
    close(socket(AF_UNIX, SOCK_STREAM, 0));
    pollfd watched{pipe_ends[0], POLLIN, 0};
    check_equal(poll(&watched, 1, 50), 0);
    char byte;
    check_equal(read(kept.b, &byte, 1), 1);  // the descriptors are dropped
    check(is_collected(pipe_ends[0]));
    close(pipe_ends[0]);
}

void receiving_credentials() {
    const Pair pair(SOCK_DGRAM);
    const int on = 1;
    check_equal(setsockopt(pair.b, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    check_equal(write(pair.a, "c", 1), 1);
    char byte = 0;
    iovec piece{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    check_equal(recvmsg(pair.b, &header, 0), 1);
    const cmsghdr* record = CMSG_FIRSTHDR(&header);
    check(record != nullptr && record->cmsg_type == SCM_CREDENTIALS);
    ucred credentials{};
    std::memcpy(&credentials, CMSG_DATA(record), sizeof credentials);
    check_equal(credentials.pid, getpid());
    check_equal(credentials.uid, getuid());
    check_equal(write(pair.a, "d", 1), 1);
    header.msg_controllen = 0;
    check_equal(recvmsg(pair.b, &header, 0), 1);
    check((header.msg_flags & MSG_CTRUNC) != 0);
}

}  // namespace

int main() {
    passing_descriptors();
    passed("descriptors in messages");
    circles_of_descriptors();
    passed("descriptors that only messages in a circle hold");
    receiving_credentials();
    passed("credentials");
}
