// SPDX-License-Identifier: Apache-2.0
// Asks a web server, and says how often a second it answered and how long that took, as JSON.
//
//   net_requests ADDRESS PORT keep|new CONNECTIONS SECONDS [RATE]
// keep: connections are kept; new: one for each request. Every connection asks again as soon as it has its answer; with
// RATE, requests begin so often a second whether there are answers or not, and the time counts from when one should
// have. One thread that never sleeps: it must have a CPU of its own.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Ns = std::int64_t;

struct Connection {
    int fd = -1;
    bool is_asked = false;
    Ns begun = 0;         // 0: idle
    std::size_t got = 0;  // bytes of the answer
};

struct Work {
    sockaddr_in server{};
    bool keeps = true;
    double rate = 0;  // 0: as fast as answers come
    Ns duration = 0;
};

Ns now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

class Load final {
public:
    Load(const Work& work, std::size_t connections)
        : work_(work), connections_(connections), events_(epoll_create1(0)) {
        for (std::size_t i = 0; i < connections; ++i) {
            if (work_.keeps) open(i);
            idle_.push_back(i);
        }
        measure_answer();
    }

    void run() {
        const Ns begin = now_ns(), end = begin + work_.duration;
        const Ns interval = work_.rate > 0 ? static_cast<Ns>(1e9 / work_.rate) : 0;
        Ns next = begin;
        std::array<epoll_event, 256> ready;
        for (Ns now = begin; now < end; now = now_ns()) {
            for (; interval != 0 && next <= now; next += interval) due_.push_back(next);
            while (!idle_.empty() && (interval == 0 || !due_.empty())) {
                ask(idle_.front(), interval == 0 ? now : due_.front());
                idle_.pop_front();
                if (interval != 0) due_.pop_front();
            }
            const int count = epoll_wait(events_, ready.data(), ready.size(), 0);
            for (int i = 0; i < count; ++i) on_ready(ready[static_cast<std::size_t>(i)].data.u64);
        }
        seconds_ = static_cast<double>(now_ns() - begin) / 1e9;
    }

    void print() {
        std::sort(times_us_.begin(), times_us_.end());
        const auto at = [&](double part) {
            return times_us_.empty() ? 0.0 : times_us_[static_cast<std::size_t>(part * double(times_us_.size() - 1))];
        };
        std::printf("{\"rate\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"unanswered\": %zu}\n",
                    double(times_us_.size()) / seconds_, at(0.5), at(0.99), due_.size());
    }

private:
    // Connections that are not kept are made beside each other, as in other load generators: none waits for another's
    // handshake.
    void open(std::size_t index) {
        const int fd = socket(AF_INET, SOCK_STREAM | (work_.keeps ? 0 : SOCK_NONBLOCK), 0);
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (connect(fd, reinterpret_cast<const sockaddr*>(&work_.server), sizeof work_.server) != 0 &&
            errno != EINPROGRESS)
            fail("connect");
        connections_[index].fd = fd;
        watch(index, EPOLL_CTL_ADD, work_.keeps ? EPOLLIN : EPOLLOUT);
    }

    void watch(std::size_t index, int operation, std::uint32_t events) const {
        epoll_event event{};
        event.events = events;
        event.data.u64 = index;
        epoll_ctl(events_, operation, connections_[index].fd, &event);
    }

    // All answers are as long as the first.
    void measure_answer() {
        if (!work_.keeps) return;
        Connection& first = connections_.front();
        send_request(first);
        std::string answer;
        while (answer_bytes_ == 0 || answer.size() < answer_bytes_) {
            std::array<char, 4096> bytes;
            const ssize_t got = recv(first.fd, bytes.data(), bytes.size(), 0);
            if (got <= 0) fail("the first answer");
            answer.append(bytes.data(), static_cast<std::size_t>(got));
            const std::size_t head = answer.find("\r\n\r\n"), length = answer.find("Content-Length: ");
            if (head != std::string::npos && length != std::string::npos)
                answer_bytes_ = head + 4 + std::strtoul(answer.c_str() + length + 16, nullptr, 10);
        }
    }

    void send_request(const Connection& connection) const {
        static constexpr std::string_view kept = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        static constexpr std::string_view once = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        const std::string_view text = work_.keeps ? kept : once;
        if (send(connection.fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
            fail("send");
    }

    void ask(std::size_t index, Ns begun) {
        if (!work_.keeps) open(index);
        Connection& connection = connections_[index];
        connection.begun = begun;
        connection.got = 0;
        connection.is_asked = work_.keeps;
        if (connection.is_asked) send_request(connection);
    }

    void on_ready(std::size_t index) {
        Connection& connection = connections_[index];
        if (!connection.is_asked) {
            connection.is_asked = true;
            send_request(connection);
            watch(index, EPOLL_CTL_MOD, EPOLLIN);
            return;
        }
        std::array<char, 4096> bytes;
        const ssize_t got = recv(connection.fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        if (got < 0 || (got == 0 && (work_.keeps || connection.got == 0))) fail("an answer");
        connection.got += static_cast<std::size_t>(got);
        if (work_.keeps ? connection.got < answer_bytes_ : got != 0) return;
        times_us_.push_back(static_cast<double>(now_ns() - connection.begun) / 1e3);
        if (!work_.keeps) close(connection.fd);
        idle_.push_back(index);
    }

    Work work_;
    std::vector<Connection> connections_;
    int events_;
    std::deque<std::size_t> idle_;
    std::deque<Ns> due_;
    std::vector<double> times_us_;
    std::size_t answer_bytes_ = 0;
    double seconds_ = 0;
};

}  // namespace

int main(int count, char** words) {
    if (count < 6) return 64;
    Work work;
    work.server.sin_family = AF_INET;
    work.server.sin_port = htons(static_cast<std::uint16_t>(std::atoi(words[2])));
    if (inet_pton(AF_INET, words[1], &work.server.sin_addr) != 1) return 64;
    work.keeps = std::string_view(words[3]) == "keep";
    work.rate = count > 6 ? std::atof(words[6]) : 0;
    work.duration = static_cast<Ns>(std::atof(words[5]) * 1e9);
    Load load(work, std::strtoul(words[4], nullptr, 10));
    load.run();
    load.print();
}
