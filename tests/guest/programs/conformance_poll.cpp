// SPDX-License-Identifier: Apache-2.0
// poll, select and epoll: which arguments are wrong, and what is ready when.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/guest/readiness.hpp"

using namespace conformance;

namespace {

const timespec bad_time{0, 2'000'000'000}, no_time{0, 0};

const timeval bad_timeval{-1, 0};

void wrong_arguments() {
    const int file = static_cast<int>(needs(open("/dev/shm/conformance.poll", O_RDWR | O_CREAT, 0644)));
    const int epoll = static_cast<int>(needs(epoll_create1(0)));
    const int event = made_event();
    const Pair ends(true);
    pollfd none{-1, POLLIN, 77}, missing{no_fd, POLLIN, 0}, plain{file, POLLIN | POLLOUT, 0};
    epoll_event watched{EPOLLIN, {}}, exclusive_one_shot{EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, {}};
    fd_set closed;
    FD_ZERO(&closed);
    FD_SET(50, &closed);
    answer_all({
        {SYS_poll, "a bad array", nowhere, 1, 0},
        {SYS_poll, "nothing, at once", 0, 0, 0},
        {SYS_poll, "too many", buffer, 0x7fffffff, 0},
        {SYS_poll, "a negative descriptor is left out", &none, 1, 0},
        {SYS_poll, "one that is not open", &missing, 1, 0},
        {SYS_poll, "a file is always ready", &plain, 1, -1},
        {SYS_ppoll, "a bad time", buffer, 0, &bad_time, 0, 8},
        {SYS_ppoll, "a wrong size of the mask", buffer, 0, &no_time, buffer, 4},
        {SYS_ppoll, "a time at a bad place", buffer, 0, nowhere, 0, 8},
        {SYS_select, "a negative number", -1, 0, 0, 0, 0},
        {SYS_select, "a bad set", 1, nowhere, 0, 0, 0},
        {SYS_select, "a bad time", 0, 0, 0, 0, &bad_timeval},
        {SYS_select, "one that is not open", 60, &closed, 0, 0, &no_time},
        {SYS_pselect6, "a bad time", 0, 0, 0, 0, &bad_time, 0},
        {SYS_pselect6, "nothing, at once", 0, 0, 0, 0, &no_time, 0},
        {SYS_epoll_create, "nothing", 0},
        {SYS_epoll_create, "a size", 10},
        {SYS_epoll_create1, "an unknown flag", 1},
        {SYS_epoll_ctl, "add a file", epoll, EPOLL_CTL_ADD, file, &watched},
        {SYS_epoll_ctl, "add itself", epoll, EPOLL_CTL_ADD, epoll, &watched},
        {SYS_epoll_ctl, "add no descriptor", epoll, EPOLL_CTL_ADD, no_fd, &watched},
        {SYS_epoll_ctl, "add", epoll, EPOLL_CTL_ADD, event, &watched},
        {SYS_epoll_ctl, "add again", epoll, EPOLL_CTL_ADD, event, &watched},
        {SYS_epoll_ctl, "add from a bad place", epoll, EPOLL_CTL_ADD, ends.a, nowhere},
        {SYS_epoll_ctl, "add exclusively, once", epoll, EPOLL_CTL_ADD, ends.a, &exclusive_one_shot},
        {SYS_epoll_ctl, "change what is not there", epoll, EPOLL_CTL_MOD, ends.a, &watched},
        {SYS_epoll_ctl, "take what is not there", epoll, EPOLL_CTL_DEL, ends.a, 0},
        {SYS_epoll_ctl, "take, with nothing", epoll, EPOLL_CTL_DEL, event, 0},
        {SYS_epoll_ctl, "an unknown operation", epoll, 9, event, &watched},
        {SYS_epoll_ctl, "not an epoll", file, EPOLL_CTL_ADD, event, &watched},
        {SYS_epoll_ctl, "no epoll", no_fd, EPOLL_CTL_ADD, event, &watched},
        {SYS_epoll_wait, "no room", epoll, buffer, 0, 0},
        {SYS_epoll_wait, "not an epoll", file, buffer, 1, 0},
        {SYS_epoll_wait, "no descriptor", no_fd, buffer, 1, 0},
        {SYS_epoll_wait, "nothing ready", epoll, buffer, 1, 0},
        {SYS_epoll_wait, "nothing ready, a bad place", epoll, nowhere, 1, 0},
        {SYS_epoll_pwait, "a wrong size of the mask", epoll, buffer, 1, 0, buffer, 4},
        {SYS_epoll_pwait2, "a bad time", epoll, buffer, 1, &bad_time, 0, 8},
        {SYS_epoll_pwait2, "nothing ready", epoll, buffer, 1, &no_time, 0, 8},
        {SYS_read, "an epoll", epoll, buffer, 8},
        {SYS_write, "an epoll", epoll, buffer, 8},
    });
    for (int fd = 3; fd < 12; ++fd) close(fd);
    unlink("/dev/shm/conformance.poll");
}

constexpr short everything = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLWRNORM | POLLRDHUP;

void now(const char* what, int fd, short wanted = everything) {
    pollfd one{fd, wanted, 0};
    poll(&one, 1, 0);
    print_bits(what, static_cast<unsigned short>(one.revents));
}

void states() {
    scenario(SYS_poll, "a pipe", [] {
        Pair ends(true);
        now("reader, empty", ends.a);
        now("writer, empty", ends.b);
        needs(write(ends.b, "x", 1));
        now("reader, a byte", ends.a);
        while (write(ends.b, buffer, 4096) > 0) {
        }
        now("writer, full", ends.b);
        needs(read(ends.a, buffer, 4096));
        now("writer, a page free", ends.b);
        close(ends.b);
        now("reader, writer gone, bytes left", ends.a);
        while (read(ends.a, buffer, sizeof buffer) > 0) {
        }
        now("reader, writer gone, empty", ends.a);
        now("reader, nothing wanted", ends.a, 0);
        ends.b = -1;
        Pair second(true);
        close(second.a);
        now("writer, reader gone", second.b);
        now("writer, nothing wanted", second.b, 0);
        second.a = -1;
    });
    scenario(SYS_poll, "a stream of AF_UNIX", [] {
        Pair ends(false);
        now("new", ends.a);
        needs(write(ends.b, "x", 1));
        now("a byte", ends.a);
        shutdown(ends.b, SHUT_WR);
        now("the other writes no more, a byte left", ends.a);
        needs(read(ends.a, buffer, 1));
        now("the other writes no more", ends.a);
        now("the other itself", ends.b);
        shutdown(ends.a, SHUT_WR);
        now("nobody writes", ends.a);
        close(ends.b);
        now("the other is gone", ends.a);
        ends.b = -1;
    });
    scenario(SYS_poll, "datagrams of AF_UNIX", [] {
        Pair ends(false, SOCK_DGRAM);
        now("new", ends.a);
        needs(send(ends.b, "x", 1, 0));
        now("one", ends.a);
        close(ends.b);
        now("the other is gone, one left", ends.a);
        ends.b = -1;
    });
    scenario(SYS_poll, "an event, an epoll, a file, /dev/null", [] {
        const int event = made_event(), epoll = static_cast<int>(needs(epoll_create1(0)));
        now("event at 0", event);
        epoll_event watched{EPOLLIN, {}};
        needs(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &watched));
        now("epoll of it", epoll);
        eventfd_write(event, ~0ull - 1);
        now("event at the most", event);
        now("epoll of it", epoll);
        const int null = static_cast<int>(needs(open("/dev/null", O_RDWR)));
        now("/dev/null", null);
        for (int fd : {event, epoll, null}) close(fd);
    });
    scenario(SYS_poll, "sockets that are not connected", [] {
        const int tcp = static_cast<int>(needs(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)));
        const int udp = static_cast<int>(needs(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)));
        const int local = static_cast<int>(needs(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)));
        now("TCP", tcp);
        now("UDP", udp);
        now("AF_UNIX", local);
        for (int fd : {tcp, udp, local}) close(fd);
    });
    scenario(SYS_select, "three sets, and the count of bits", [] {
        Pair ends(false);
        needs(write(ends.b, "x", 1));
        fd_set in, out, wrong;
        for (fd_set* set : {&in, &out, &wrong}) {
            FD_ZERO(set);
            FD_SET(ends.a, set);
        }
        timeval none{};
        is("bits", select(ends.a + 1, &in, &out, &wrong, &none));
        holds("in", FD_ISSET(ends.a, &in));
        holds("out", FD_ISSET(ends.a, &out));
        holds("wrong", FD_ISSET(ends.a, &wrong));
        FD_ZERO(&in);
        FD_SET(ends.b, &in);
        is("none", select(ends.b + 1, &in, nullptr, nullptr, &none));
        holds("cleared", !FD_ISSET(ends.b, &in));
    });
}

}  // namespace

int main() {
    wrong_arguments();
    states();
}
