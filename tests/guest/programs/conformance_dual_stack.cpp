// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 at one port: which sockets may be bound beside which, who gets what comes, and how addresses of the one
// family look to a socket of the other. Every line must be the native run's.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

struct Kind {
    const char* name;
    int family;
    const char* address;
    bool only_ipv6 = false;
};
constexpr Kind kinds[] = {
    {"0.0.0.0", AF_INET, "0.0.0.0"},
    {"127.0.0.1", AF_INET, "127.0.0.1"},
    {"127.0.0.2", AF_INET, "127.0.0.2"},
    {"::", AF_INET6, "::"},
    {":: only", AF_INET6, "::", true},
    {"::1", AF_INET6, "::1"},
    {"::1 only", AF_INET6, "::1", true},
    {"::ffff:127.0.0.1", AF_INET6, "::ffff:127.0.0.1"},
    {"::ffff:0.0.0.0", AF_INET6, "::ffff:0.0.0.0"},
};

struct Address {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    Address() = default;
    Address(int family, const char* text, std::uint16_t port) {
        storage.ss_family = static_cast<sa_family_t>(family);
        if (family == AF_INET) {
            auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
            inet_pton(AF_INET, text, &v4.sin_addr);
            v4.sin_port = htons(port);
            size = sizeof v4;
        } else {
            auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
            inet_pton(AF_INET6, text, &v6.sin6_addr);
            v6.sin6_port = htons(port);
            size = sizeof v6;
        }
    }
    sockaddr* raw() { return reinterpret_cast<sockaddr*>(&storage); }
    std::uint16_t port() const { return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port); }
    // Without the port, which is another one each time.
    std::string text() const {
        char text[INET6_ADDRSTRLEN] = "none";
        if (storage.ss_family == AF_INET)
            inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage).sin_addr, text, sizeof text);
        if (storage.ss_family == AF_INET6)
            inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr, text, sizeof text);
        return std::string(text) + " " + std::to_string(size);
    }
};

class Socket {
public:
    Socket(int family, int type) : fd_(socket(family, type, 0)) {}
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (fd_ >= 0) close(fd_);
    }
    int fd() const { return fd_; }
    // 0 or an errno, as all that follow.
    int set(int level, int option, int value) const {
        return code(setsockopt(fd_, level, option, &value, sizeof value));
    }
    int bind(Address address) const { return code(::bind(fd_, address.raw(), address.size)); }
    int connect(Address address) const { return code(::connect(fd_, address.raw(), address.size)); }
    int listen() const { return code(::listen(fd_, 5)); }
    Address name() const {
        Address address;
        if (getsockname(fd_, address.raw(), &address.size) != 0) address.size = 0;
        return address;
    }
    Address peer() const {
        Address address;
        if (getpeername(fd_, address.raw(), &address.size) != 0) return {};
        return address;
    }
    bool is_readable() const {
        pollfd watched{fd_, POLLIN, 0};
        return poll(&watched, 1, 50) == 1;
    }

private:
    static int code(int result) { return result == 0 ? 0 : errno; }
    int fd_;
};

Socket make(const Kind& kind, int type, int reuse) {
    Socket made(kind.family, type);
    if (kind.family == AF_INET6) made.set(IPPROTO_IPV6, IPV6_V6ONLY, kind.only_ipv6 ? 1 : 0);
    if (reuse != 0) made.set(SOL_SOCKET, reuse, 1);
    return made;
}

// A port that no process of the machine has in either family, outside of the range from which the system gives.
std::uint16_t free_port(int type) {
    static unsigned next = static_cast<unsigned>(getpid()) * 1499;
    for (;;) {
        const auto port = static_cast<std::uint16_t>(10'000 + next++ % 20'000);
        const Socket both(AF_INET6, type);
        if (both.bind({AF_INET6, "::", port}) == 0) return port;
    }
}

// Whether the second may be there beside the first; `a`, `b`: which options each has.
void conflicts(int type, bool listens, int a, int b, const char* what) {
    for (const Kind& first : kinds) {
        std::printf("%s, %s beside:", what, first.name);
        for (const Kind& second : kinds) {
            const Socket one = make(first, type, a);
            const std::uint16_t port = free_port(type);
            if (const int failed = one.bind({first.family, first.address, port}); failed != 0) {
                std::printf(" first %d", failed);
                continue;
            }
            if (listens) one.listen();
            const Socket other = make(second, type, b);
            int answer = other.bind({second.family, second.address, port});
            std::printf(" %d", answer);
            if (answer == 0 && type == SOCK_STREAM) std::printf("/%d", other.listen());
        }
        std::printf("\n");
    }
}

void names_of_connections() {
    for (const Kind& kind : kinds) {
        const Socket listener = make(kind, SOCK_STREAM, 0);
        if (listener.bind({kind.family, kind.address, 0}) != 0 || listener.listen() != 0) continue;
        std::printf("listener at %s: %s\n", kind.name, listener.name().text().c_str());
        const Kind clients[] = {{"v4", AF_INET, "127.0.0.1"},
                                {"v6", AF_INET6, "::1"},
                                {"mapped", AF_INET6, "::ffff:127.0.0.1"},
                                {"mapped, only v6", AF_INET6, "::ffff:127.0.0.1", true},
                                {"v4 any", AF_INET, "0.0.0.0"},
                                {"v6 any", AF_INET6, "::"}};
        for (const Kind& by : clients) {
            const Socket client = make(by, SOCK_STREAM, 0);
            const int answer = client.connect({by.family, by.address, listener.name().port()});
            std::printf("  %s: %d", by.name, answer);
            if (answer == 0) {
                Address from;
                const Socket served(accept(listener.fd(), from.raw(), &from.size));
                std::printf(", client %s to %s, server %s to %s, accept %s", client.name().text().c_str(),
                            client.peer().text().c_str(), served.name().text().c_str(), served.peer().text().c_str(),
                            from.text().c_str());
            }
            std::printf("\n");
        }
    }
}

void names_of_datagrams() {
    for (const Kind& kind : kinds) {
        const Socket receiver = make(kind, SOCK_DGRAM, 0);
        if (receiver.bind({kind.family, kind.address, 0}) != 0) continue;
        std::printf("datagrams at %s: %s\n", kind.name, receiver.name().text().c_str());
        const Kind senders[] = {{"v4", AF_INET, "127.0.0.1"},
                                {"v6", AF_INET6, "::1"},
                                {"mapped", AF_INET6, "::ffff:127.0.0.1"},
                                {"mapped, only v6", AF_INET6, "::ffff:127.0.0.1", true}};
        for (const Kind& by : senders) {
            const Socket sender = make(by, SOCK_DGRAM, 0);
            Address to(by.family, by.address, receiver.name().port());
            const long sent = sendto(sender.fd(), "x", 1, 0, to.raw(), to.size);
            std::printf("  %s: %ld %d, from %s", by.name, sent, sent < 0 ? errno : 0, sender.name().text().c_str());
            if (sent == 1 && receiver.is_readable()) {
                char byte;
                Address from;
                const long got = recvfrom(receiver.fd(), &byte, 1, 0, from.raw(), &from.size);
                const long back = sendto(receiver.fd(), "y", 1, 0, from.raw(), from.size);
                std::printf(", got %ld from %s, back %ld", got, from.text().c_str(), back);
                Address origin;
                if (back == 1 && sender.is_readable() &&
                    recvfrom(sender.fd(), &byte, 1, 0, origin.raw(), &origin.size) == 1)
                    std::printf(" from %s", origin.text().c_str());
            }
            const Socket connected = make(by, SOCK_DGRAM, 0);
            const int answer = connected.connect(to);
            std::printf(", connected %d: %s to %s\n", answer, connected.name().text().c_str(),
                        connected.peer().text().c_str());
        }
    }
}

// Several at one port: the most definite one gets it.
void who_gets_it() {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        for (const char* order : {"041", "140", "1354", "453"}) {
            std::vector<Socket> sockets;
            const std::uint16_t port = free_port(type);
            for (const char* at = order; *at != 0; ++at) {
                const Kind& kind = kinds[*at - '0'];
                sockets.push_back(make(kind, type, SO_REUSEPORT));
                const int answer = sockets.back().bind({kind.family, kind.address, port});
                std::printf("%s: bind %d listen %d; ", kind.name, answer,
                            type == SOCK_STREAM ? sockets.back().listen() : 0);
            }
            for (const Kind& to : {Kind{"v4", AF_INET, "127.0.0.1"}, Kind{"v4 other", AF_INET, "127.0.0.3"},
                                   Kind{"v6", AF_INET6, "::1"}, Kind{"mapped", AF_INET6, "::ffff:127.0.0.1"}}) {
                const Socket client(to.family, type);
                const int answer = client.connect({to.family, to.address, port});
                if (type == SOCK_DGRAM) static_cast<void>(!write(client.fd(), "x", 1));
                std::printf("%s %d:", to.name, answer);
                for (std::size_t i = 0; i < sockets.size(); ++i) {
                    pollfd watched{sockets[i].fd(), POLLIN, 0};
                    if (poll(&watched, 1, answer == 0 && i == 0 ? 20 : 0) != 1) continue;
                    std::printf(" %c", order[i]);
                    char byte;
                    if (type == SOCK_STREAM) {
                        const Socket served(accept(sockets[i].fd(), nullptr, nullptr));
                    } else {
                        static_cast<void>(!recv(sockets[i].fd(), &byte, 1, 0));
                    }
                }
                std::printf("; ");
            }
            std::printf("\n");
        }
    }
}

void the_option() {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const Socket socket(AF_INET6, type);
        int value = -1;
        socklen_t size = sizeof value;
        getsockopt(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &value, &size);
        std::printf("V6ONLY at first %d, ", value);
        std::printf("set %d, ", socket.set(IPPROTO_IPV6, IPV6_V6ONLY, 7));
        getsockopt(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &value, &size);
        std::printf("then %d, ", value);
        std::printf("mapped %d, ", socket.bind({AF_INET6, "::ffff:127.0.0.1", 0}));
        std::printf("bind %d, ", socket.bind({AF_INET6, "::", 0}));
        std::printf("set when bound %d, ", socket.set(IPPROTO_IPV6, IPV6_V6ONLY, 0));
        const Socket v4(AF_INET, type);
        std::printf("of IPv4 %d, ", v4.set(IPPROTO_IPV6, IPV6_V6ONLY, 1));
        std::printf("IPv4 to IPv6 %d %d\n", v4.bind({AF_INET6, "::1", 0}), v4.connect({AF_INET6, "::1", 9}));
    }
}

void remembered_options() {
    for (const int option : {SO_DEBUG, SO_DONTROUTE, SO_NO_CHECK}) {
        for (const int family : {AF_INET, AF_INET6, AF_UNIX}) {
            const Socket socket(family, SOCK_DGRAM);
            int value = -1;
            socklen_t size = sizeof value;
            std::printf("%d:", option);
            for (const int wanted : {-1, 1, 0, 9}) {
                if (wanted >= 0) std::printf(" set %d", socket.set(SOL_SOCKET, option, wanted));
                getsockopt(socket.fd(), SOL_SOCKET, option, &value, &size);
                std::printf(" is %d", value);
            }
            std::printf("\n");
        }
    }
}

}  // namespace

int main() {
    struct {
        int a, b;
        const char* name;
    } const options[] = {{0, 0, "plain"},
                         {SO_REUSEADDR, SO_REUSEADDR, "reuse address"},
                         {SO_REUSEPORT, SO_REUSEPORT, "reuse port"},
                         {SO_REUSEADDR, 0, "the first reuses"},
                         {SO_REUSEPORT, SO_REUSEADDR, "port and address"}};
    for (const auto& [a, b, name] : options) {
        conflicts(SOCK_STREAM, false, a, b, (std::string("TCP bound, ") + name).c_str());
        conflicts(SOCK_STREAM, true, a, b, (std::string("TCP listening, ") + name).c_str());
        conflicts(SOCK_DGRAM, false, a, b, (std::string("UDP, ") + name).c_str());
    }
    names_of_connections();
    names_of_datagrams();
    who_gets_it();
    the_option();
    remembered_options();
}
