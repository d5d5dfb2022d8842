// SPDX-License-Identifier: Apache-2.0
#include "launcher/user_net/slirp_network.hpp"

#include <arpa/inet.h>
#include <slirp/libslirp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace husk::user_net {

namespace {

constexpr std::size_t longest_frame_bytes = 65535 + 18;
constexpr int frames_at_once = 64;
constexpr int wait_for_room_ms = 20;  // then the frame is lost, which TCP mends
constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t longest_finish_ns = 3'000 * ns_per_ms;
constexpr std::uint32_t look_around_ms = 100;

in_addr ipv4(const char* text) {
    in_addr address{};
    ::inet_pton(AF_INET, text, &address);
    return address;
}

in6_addr ipv6(const char* text) {
    in6_addr address{};
    ::inet_pton(AF_INET6, text, &address);
    return address;
}

std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

short poll_events(int slirp_events) {
    short events = 0;
    if ((slirp_events & SLIRP_POLL_IN) != 0) events |= POLLIN;
    if ((slirp_events & SLIRP_POLL_OUT) != 0) events |= POLLOUT;
    if ((slirp_events & SLIRP_POLL_PRI) != 0) events |= POLLPRI;
    if ((slirp_events & SLIRP_POLL_ERR) != 0) events |= POLLERR;
    if ((slirp_events & SLIRP_POLL_HUP) != 0) events |= POLLHUP;
    return events;
}

int slirp_events(short events) {
    int result = 0;
    if ((events & POLLIN) != 0) result |= SLIRP_POLL_IN;
    if ((events & POLLOUT) != 0) result |= SLIRP_POLL_OUT;
    if ((events & POLLPRI) != 0) result |= SLIRP_POLL_PRI;
    if ((events & POLLERR) != 0) result |= SLIRP_POLL_ERR;
    if ((events & POLLHUP) != 0) result |= SLIRP_POLL_HUP;
    return result;
}

// libslirp listens with a queue of one: of clients that come together all but two would wait for seconds until they try
// again. Its socket is one of the few that this process has; listening again changes the queue's length.
void lengthen_listen_queue(const Port& port) {
    constexpr int most_descriptors = 64;
    for (int fd = 0; fd < most_descriptors; ++fd) {
        int listens = 0;
        socklen_t size = sizeof listens;
        sockaddr_in name{};
        socklen_t name_bytes = sizeof name;
        // SAFETY: the address of a sockaddr_in, for the kernel to fill.
        auto* any = reinterpret_cast<sockaddr*>(&name);
        const bool is_it = ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
                           ::getsockname(fd, any, &name_bytes) == 0 && name.sin_family == AF_INET &&
                           ntohs(name.sin_port) == port.host_port;
        if (is_it) ::listen(fd, SOMAXCONN);
    }
}

}  // namespace

struct SlirpNetwork::Callbacks {
    static SlirpNetwork& self(void* opaque) { return *static_cast<SlirpNetwork*>(opaque); }

    static ssize_t send_packet(const void* frame, size_t size, void* opaque) {
        self(opaque).send(frame, size);
        return static_cast<ssize_t>(size);
    }
    static void guest_error(const char*, void*) {}
    static int64_t clock_get_ns(void*) { return now_ns(); }
    static void* timer_new(SlirpTimerId id, void* argument, void* opaque) {
        auto timer = std::make_unique<Timer>();
        timer->id = id;
        timer->argument = argument;
        return self(opaque).timers_.emplace_back(std::move(timer)).get();
    }
    static void timer_free(void* timer, void* opaque) {
        std::erase_if(self(opaque).timers_, [&](const auto& owned) { return owned.get() == timer; });
    }
    static void timer_mod(void* timer, int64_t deadline_ms, void*) {
        static_cast<Timer*>(timer)->deadline_ms = deadline_ms;
    }
    static void poll_fd(int, void*) {}  // all are asked for each time
    static void notify(void*) {}        // there is one thread, which looks by itself

    static int add_poll(int fd, int events, void* opaque) {
        std::vector<pollfd>& polled = self(opaque).polled_;
        polled.push_back({fd, poll_events(events), 0});
        return static_cast<int>(polled.size()) - 1;
    }
    static int get_events(int index, void* opaque) {
        return slirp_events(self(opaque).polled_[static_cast<std::size_t>(index)].revents);
    }

    static const SlirpCb& table() {
        static const SlirpCb callbacks = [] {
            SlirpCb made{};
            made.send_packet = send_packet;
            made.guest_error = guest_error;
            made.clock_get_ns = clock_get_ns;
            made.timer_new_opaque = timer_new;
            made.timer_free = timer_free;
            made.timer_mod = timer_mod;
            made.register_poll_fd = poll_fd;
            made.unregister_poll_fd = poll_fd;
            made.notify = notify;
            return made;
        }();
        return callbacks;
    }
};

SlirpNetwork::SlirpNetwork(int socket, std::size_t mtu) : socket_(socket), frame_(longest_frame_bytes) {
    SlirpConfig config{};
    config.version = 4;
    config.in_enabled = true;
    config.vnetwork = ipv4("10.0.2.0");
    config.vnetmask = ipv4("255.255.255.0");
    config.vhost = ipv4("10.0.2.2");
    config.vdhcp_start = ipv4("10.0.2.15");
    config.vnameserver = ipv4("10.0.2.3");
    config.in6_enabled = true;
    config.vprefix_addr6 = ipv6("fec0::");
    config.vprefix_len = 64;
    config.vhost6 = ipv6("fec0::2");
    config.vnameserver6 = ipv6("fec0::3");
    config.if_mtu = mtu;
    config.if_mru = mtu;
    slirp_ = slirp_new(&config, &Callbacks::table(), this);
}

SlirpNetwork::~SlirpNetwork() {
    if (slirp_ != nullptr) slirp_cleanup(slirp_);
}

bool SlirpNetwork::publish(const Port& port) {
    if (slirp_add_hostfwd(slirp_, port.is_udp ? 1 : 0, port.bind_address, port.host_port, port.guest_address,
                          port.guest_port) != 0)
        return false;
    if (!port.is_udp) lengthen_listen_queue(port);
    published_.push_back(port);
    return true;
}

void SlirpNetwork::run() {
    while (serve(ask_for_events())) {
    }
}

void SlirpNetwork::finish() {
    for (const Port& port : published_)
        slirp_remove_hostfwd(slirp_, port.is_udp ? 1 : 0, port.bind_address, port.host_port);
    socket_ = -1;
    const std::int64_t end_ns = now_ns() + longest_finish_ns;
    while (now_ns() < end_ns) {
        const std::uint32_t wanted_ms = ask_for_events();
        const auto waits_for_room = [](const pollfd& polled) { return (polled.events & POLLOUT) != 0; };
        if (std::ranges::none_of(polled_, waits_for_room)) return;
        serve(std::min(wanted_ms, look_around_ms));
    }
}

std::uint32_t SlirpNetwork::ask_for_events() {
    std::uint32_t timeout_ms = UINT32_MAX;
    polled_.assign(1, pollfd{socket_, POLLIN, 0});
    slirp_pollfds_fill(slirp_, &timeout_ms, Callbacks::add_poll, this);
    return timeout_ms;
}

bool SlirpNetwork::serve(std::uint32_t wanted_ms) {
    const int ready = ::poll(polled_.data(), polled_.size(), poll_timeout_ms(wanted_ms));
    // The host's side first, so that what it has becomes frames in the same round.
    slirp_pollfds_poll(slirp_, ready < 0 ? 1 : 0, Callbacks::get_events, this);
    if (polled_.front().revents != 0 && !receive()) return false;
    expire_timers();
    return true;
}

int SlirpNetwork::poll_timeout_ms(std::uint32_t wanted_ms) const {
    constexpr std::int64_t longest_ms = 60'000;
    std::int64_t timeout_ms = std::min<std::int64_t>(wanted_ms, longest_ms);
    for (const auto& timer : timers_) {
        if (timer->deadline_ms != INT64_MAX)
            timeout_ms = std::clamp<std::int64_t>(timer->deadline_ms - now_ns() / ns_per_ms, 0, timeout_ms);
    }
    return static_cast<int>(timeout_ms);
}

void SlirpNetwork::expire_timers() {
    // A handler sets its timer anew, but makes and frees none.
    for (const auto& timer : timers_) {
        if (timer->deadline_ms > now_ns() / ns_per_ms) continue;
        timer->deadline_ms = INT64_MAX;
        slirp_handle_timer(slirp_, static_cast<SlirpTimerId>(timer->id), timer->argument);
    }
}

void SlirpNetwork::send(const void* frame, std::size_t size_bytes) const {
    for (;;) {
        if (::send(socket_, frame, size_bytes, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno != EAGAIN) return;
        pollfd room{socket_, POLLOUT, 0};
        if (::poll(&room, 1, wait_for_room_ms) != 1) return;
    }
}

bool SlirpNetwork::receive() {
    for (int i = 0; i < frames_at_once; ++i) {
        const ssize_t size = ::recv(socket_, frame_.data(), frame_.size(), MSG_DONTWAIT);
        if (size == 0) return false;
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        slirp_input(slirp_, frame_.data(), static_cast<int>(size));
    }
    return true;
}

}  // namespace husk::user_net
