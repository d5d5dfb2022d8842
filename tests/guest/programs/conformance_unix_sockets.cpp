// SPDX-License-Identifier: Apache-2.0
// AF_UNIX: descriptors that go along, several messages at once, names, and the queue of a listener.
#include <sys/un.h>

#include "tests/guest/readiness.hpp"
#include "tests/guest/socket_ends.hpp"

using namespace conformance;

namespace {

// One byte and a descriptor.
struct DescriptorMessage {
    explicit DescriptorMessage(int descriptor) {
        all.msg_iov = &part;
        all.msg_iovlen = 1;
        all.msg_control = control;
        all.msg_controllen = sizeof control;
        header()->cmsg_level = SOL_SOCKET;
        header()->cmsg_type = SCM_RIGHTS;
        header()->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header()), &descriptor, sizeof descriptor);
    }
    DescriptorMessage(const DescriptorMessage&) = delete;

    [[nodiscard]] cmsghdr* header() { return CMSG_FIRSTHDR(&all); }
    // Of a message that has come.
    [[nodiscard]] int descriptor() {
        int result = -1;
        std::memcpy(&result, CMSG_DATA(header()), sizeof result);
        return result;
    }

    char byte = 'x';
    iovec part{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr all = {};
};

void messages() {
    scenario(SYS_sendmsg, "a descriptor goes along", [] {
        Ends ends(SOCK_STREAM);
        int pipe_ends[2];
        needs(pipe(pipe_ends));
        DescriptorMessage message(pipe_ends[1]);
        answers("sent", sendmsg(ends.a, &message.all, 0));
        close(pipe_ends[1]);
        std::memset(message.control, 0, sizeof message.control);
        answers("received", recvmsg(ends.b, &message.all, MSG_CMSG_CLOEXEC));
        const int got = message.descriptor();
        is("flags", message.all.msg_flags & ~MSG_CMSG_CLOEXEC);
        holds("close on exec", fcntl(got, F_GETFD) == FD_CLOEXEC);
        answers("it works", write(got, "y", 1));
        answers("read", read(pipe_ends[0], buffer, 10));
        close(got);
        close(pipe_ends[0]);
    });
    scenario(SYS_recvmsg, "no room for a descriptor: MSG_CTRUNC", [] {
        Ends ends(SOCK_STREAM);
        DescriptorMessage message(ends.a);
        answers("sent", sendmsg(ends.a, &message.all, 0));
        message.all.msg_control = nullptr;
        message.all.msg_controllen = 0;
        answers("received", recvmsg(ends.b, &message.all, 0));
        holds("MSG_CTRUNC", (message.all.msg_flags & MSG_CTRUNC) != 0);
        DescriptorMessage too_short(ends.a);
        too_short.header()->cmsg_len = 3;
        answers("a header that is too short", sendmsg(ends.a, &too_short.all, 0));
        DescriptorMessage missing(no_fd);
        answers("no descriptor", sendmsg(ends.a, &missing.all, 0));
    });
    scenario(SYS_sendmmsg, "several at once, and received at once", [] {
        Ends ends(SOCK_DGRAM);
        char texts[3][4] = {"a", "bc", "def"};
        iovec parts[3] = {{texts[0], 1}, {texts[1], 2}, {texts[2], 3}};
        mmsghdr all[3] = {};
        for (int i = 0; i < 3; ++i) {
            all[i].msg_hdr.msg_iov = &parts[i];
            all[i].msg_hdr.msg_iovlen = 1;
        }
        answers("sent", sendmmsg(ends.a, all, 3, 0));
        is("length of the last", all[2].msg_len);
        for (iovec& part : parts) part.iov_len = 4;
        answers("received", recvmmsg(ends.b, all, 3, 0, nullptr));
        is("length of the second", all[1].msg_len);
        needs(send(ends.a, "x", 1, 0));
        answers("MSG_WAITFORONE", recvmmsg(ends.b, all, 3, MSG_WAITFORONE, nullptr));
    });
    scenario(SYS_recvmsg, "MSG_TRUNC is told", [] {
        Ends ends(SOCK_DGRAM);
        char byte = 0;
        iovec part{&byte, 1};
        msghdr message = {};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        needs(send(ends.a, "abc", 3, 0));
        answers("received", recvmsg(ends.b, &message, 0));
        holds("MSG_TRUNC", (message.msg_flags & MSG_TRUNC) != 0);
    });
}

const sockaddr_un listener_name{AF_UNIX, "\0conformance listener"};

int named_listener() {
    const int fd = made(AF_UNIX, SOCK_STREAM);
    needs(bind(fd, plain(listener_name), sizeof listener_name));
    needs(listen(fd, 0));
    return fd;
}

// A client that does not wait for ever.
int client_that(int flags) {
    const int fd = made(AF_UNIX, SOCK_STREAM | flags);
    const timeval patience{5, 0};
    needs(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
    return fd;
}

long connect_to_listener(int fd) { return connect(fd, plain(listener_name), sizeof listener_name); }

void names() {
    scenario(SYS_bind, "AF_UNIX: names in the file system and abstract ones", [] {
        sockaddr_un path = {AF_UNIX, "/dev/shm/conformance.socket"};
        const int listener = made(AF_UNIX, SOCK_STREAM), client = made(AF_UNIX, SOCK_STREAM);
        unlink(path.sun_path);
        answers("bind", bind(listener, plain(path), sizeof path));
        answers("client before listen", connect(client, plain(path), sizeof path));
        answers("listen", listen(listener, 1));
        answers("client", connect(client, plain(path), sizeof path));
        const int second = made(AF_UNIX, SOCK_STREAM);
        answers("taken", bind(second, plain(path), sizeof path));
        close(listener);
        answers("name stays, nobody listens", connect(second, plain(path), sizeof path));
        unlink(path.sun_path);
        sockaddr_un abstract = {};
        abstract.sun_family = AF_UNIX;
        std::memcpy(abstract.sun_path, "\0conformance", 12);
        const socklen_t size = offsetof(sockaddr_un, sun_path) + 12;
        const int named = made(AF_UNIX, SOCK_STREAM), other = made(AF_UNIX, SOCK_STREAM);
        answers("abstract", bind(named, plain(abstract), size));
        answers("taken", bind(other, plain(abstract), size));
        close(named);
        answers("free after the close", bind(other, plain(abstract), size));
        for (int fd : {client, second, other}) close(fd);
    });
    scenario(SYS_listen, "AF_UNIX: a full queue makes clients wait", [] {
        sockaddr_un path = {AF_UNIX, "/dev/shm/conformance.socket"};
        unlink(path.sun_path);
        const int listener = made(AF_UNIX, SOCK_STREAM);
        needs(bind(listener, plain(path), sizeof path));
        needs(listen(listener, 0));
        const int first = made(AF_UNIX, SOCK_STREAM), second = made(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
        answers("first", connect(first, plain(path), sizeof path));
        answers("second, without waiting", connect(second, plain(path), sizeof path));
        const int third = made(AF_UNIX, SOCK_STREAM);
        Caller waiter([=] { return connect(third, plain(path), sizeof path); });
        waiter.waits();
        close(static_cast<int>(needs(accept(listener, nullptr, nullptr))));
        answers("third", waiter.join());
        for (int fd : {listener, first, second, third}) close(fd);
        unlink(path.sun_path);
    });
    scenario(SYS_shutdown, "AF_UNIX: who waits for a listener hears of it", [] {
        const int listener = named_listener();
        for (const int how : {SHUT_WR, SHUT_RD}) {
            pollfd one{listener, POLLIN | POLLOUT | POLLRDHUP, 0};
            Caller watcher([&] { return poll(&one, 1, how == SHUT_RD ? 5000 : 50); });
            watcher.waits();
            answers(how == SHUT_RD ? "SHUT_RD" : "SHUT_WR", shutdown(listener, how));
            answers("poll", watcher.join());
            print_bits("found", static_cast<unsigned>(one.revents));
        }
        answers("accept", accept(listener, nullptr, nullptr));
        close(listener);
    });
    scenario(SYS_shutdown, "AF_UNIX: a full listener that is shut refuses", [] {
        const int listener = named_listener();
        const Watcher watcher;
        watcher.set(EPOLL_CTL_ADD, listener, EPOLLIN | EPOLLRDHUP | EPOLLET);
        const int first = client_that(0), late = client_that(0), refused = client_that(0);
        const int impatient = client_that(SOCK_NONBLOCK);
        answers("first", connect_to_listener(first));
        watcher.ready("epoll");
        Caller waiter([=] { return connect_to_listener(late); });
        waiter.waits();
        answers("SHUT_RD", shutdown(listener, SHUT_RD));
        watcher.ready("epoll");
        rest_ms(20);
        holds("it still waits", !waiter.is_back());
        answers("connect", connect_to_listener(refused));
        answers("connect, without waiting", connect_to_listener(impatient));
        close(static_cast<int>(needs(accept(listener, nullptr, nullptr))));
        answers("who waited", waiter.join());
        answers("accept", accept(listener, nullptr, nullptr));
        for (int fd : {listener, first, late, refused, impatient}) close(fd);
    });
}

}  // namespace

int main() {
    messages();
    names();
}
