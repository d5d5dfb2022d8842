// SPDX-License-Identifier: Apache-2.0
// SO_PEEK_OFF of one socket that several threads look at, and another reads: the place where MSG_PEEK looks is never
// behind what is there, FIONREAD tells of what is first, and who waits hears of what comes.
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "tests/guest/inet_ends.hpp"

using namespace guest_test;
using namespace std::chrono_literals;

namespace {

struct Ends {
    int from = -1, to = -1;
    bool counts_all = false;  // FIONREAD tells of all that is there
    explicit Ends(int type) {
        int both[2];
        check_equal(socketpair(AF_UNIX, type, 0, both), 0);
        from = both[0], to = both[1];
        counts_all = type == SOCK_STREAM;
    }
    Ends(int from_fd, int to_fd, bool is_stream) : from(from_fd), to(to_fd), counts_all(is_stream) {}
    ~Ends() {
        close(from);
        close(to);
    }
    Ends(const Ends&) = delete;
};

Ends udp_ends() {
    const int from = socket(AF_INET, SOCK_DGRAM, 0), to = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address = loopback();
    check_equal(bind(to, generic(address), sizeof address), 0);
    address = name_of(to);
    check_equal(connect(from, generic(address), sizeof address), 0);
    return {from, to, false};
}

Ends tcp_ends() {
    Connection both;
    set_option(both.a, IPPROTO_TCP, TCP_NODELAY, 1);
    return {std::exchange(both.a, -1), std::exchange(both.b, -1), true};
}

void set_place(int fd, int value) { set_option(fd, SOL_SOCKET, SO_PEEK_OFF, value); }
int place(int fd) { return option_of(fd, SOL_SOCKET, SO_PEEK_OFF); }

// What is sent: numbers that count up, whole pieces of them at a time.
using Number = std::uint32_t;
constexpr std::size_t piece_numbers = 25, piece_bytes = piece_numbers * sizeof(Number);

class Sender {
public:
    explicit Sender(int fd) : fd_(fd) {}
    void send_piece() {
        std::array<Number, piece_numbers> piece;
        for (Number& number : piece) number = next_++;
        check_equal(send(fd_, piece.data(), piece_bytes, 0), ssize_t{piece_bytes});
    }

private:
    int fd_;
    Number next_ = 0;
};

// Up to 16 numbers; how many.
constexpr std::size_t most_seen = 16;
using Seen = std::array<Number, most_seen>;
std::size_t look(int fd, Seen& to) {
    const ssize_t got = recv(fd, to.data(), sizeof to, MSG_PEEK | MSG_DONTWAIT);
    return got < 0 ? 0 : static_cast<std::size_t>(got) / sizeof(Number);
}

// Of several who look, each byte is seen by one.
void shared_out(const Ends& ends) {
    constexpr std::size_t pieces = 40, rounds = 50;
    for (std::size_t round = 0; round < rounds; ++round) {
        Sender sender(ends.from);
        for (std::size_t i = 0; i < pieces; ++i) sender.send_piece();
        for (int there = 0; there != static_cast<int>(pieces * piece_bytes) && ends.counts_all;
             std::this_thread::yield())
            check_equal(ioctl(ends.to, FIONREAD, &there), 0);
        set_place(ends.to, 0);
        std::array<std::atomic<unsigned>, pieces * piece_numbers> seen{};
        auto looking = [&] {
            Seen numbers;
            while (const std::size_t count = look(ends.to, numbers)) {
                for (std::size_t i = 0; i < count; ++i) ++seen.at(numbers.at(i));
            }
        };
        std::thread first(looking), second(looking);
        first.join(), second.join();
        for (const auto& times : seen) check_equal(times.load(), 1u);
        check_equal(static_cast<std::size_t>(place(ends.to)), pieces * piece_bytes);
        std::array<char, piece_bytes> taken;
        for (std::size_t i = 0; i < pieces; ++i)
            check_equal(recv(ends.to, taken.data(), taken.size(), 0), ssize_t{piece_bytes});
        check_equal(place(ends.to), 0);
    }
}

// One looks while another reads: it passes nothing over but what is taken before it comes there.
class Race {
public:
    explicit Race(const Ends& ends) : ends_(ends) {}

    void run() {
        set_place(ends_.to, 0);
        std::thread looking([this] { follow(); }), reading([this] { read_all(); }), measuring([this] { measure(); });
        Sender sender(ends_.from);
        for (; sent_ != all;) {
            while (sent_ - taken_ >= most_waiting) std::this_thread::yield();
            sent_ += piece_bytes;  // at the latest now
            sender.send_piece();
        }
        reading.join();
        is_over_ = true;
        looking.join(), measuring.join();
        check_equal(place(ends_.to), 0);  // all has been taken
    }

private:
    static constexpr std::size_t all = 4000 * piece_bytes, most_waiting = 8 * piece_bytes;

    void read_all() {
        std::array<char, piece_bytes> to;
        while (taken_ != all) {
            taking_ = taken_ + piece_bytes;
            const ssize_t got = recv(ends_.to, to.data(), to.size(), 0);
            check(got > 0);
            taken_ += static_cast<std::size_t>(got);
        }
    }
    void follow() const {
        Seen numbers;
        for (std::size_t next = 0; !is_over_;) {
            const std::size_t count = look(ends_.to, numbers);
            if (count == 0) std::this_thread::yield();
            for (std::size_t i = 0; i < count; ++i) {
                const std::size_t at = numbers.at(i) * sizeof(Number);
                check(i == 0 ? at == next || at <= taking_ : at == next);
                next = at + sizeof(Number);
            }
        }
    }
    void measure() const {
        while (!is_over_) {
            const std::size_t taken = taken_;
            const int at = place(ends_.to);
            check(at >= 0);
            check(static_cast<std::size_t>(at) <= sent_ - taken);
            std::this_thread::yield();
        }
    }

    const Ends& ends_;
    std::atomic<std::size_t> sent_ = 0, taken_ = 0, taking_ = 0;
    std::atomic<bool> is_over_ = false;
};

// While a thread looks behind the first datagram, that is the next one still.
void first_of(const Ends& ends) {
    static std::array<char, 60000> large;
    check_equal(send(ends.from, "0123456789", 10, 0), 10);
    check_equal(send(ends.from, large.data(), large.size(), 0), ssize_t{large.size()});
    check(events_of(ends.to, 5000) != 0);
    std::atomic<bool> is_over = false;
    std::thread looking([&] {
        static std::array<char, large.size()> to;
        while (!is_over) {
            set_place(ends.to, 15);
            (void)recv(ends.to, to.data(), to.size(), MSG_PEEK | MSG_DONTWAIT);
        }
    });
    for (int i = 0; i < 20000; ++i) {
        int there = -1;
        check_equal(ioctl(ends.to, FIONREAD, &there), 0);
        check_equal(there, 10);
    }
    is_over = true;
    looking.join();
}

using Answer = std::future<ssize_t>;

// A lost wake-up is a failure, not a hang.
ssize_t result_of(Answer answer) {
    check(answer.wait_for(20s) == std::future_status::ready);
    return answer.get();
}

// Waits in recv() by the time it is returned, unless the machine is very slow.
Answer receive(int fd, int flags = 0) {
    auto got = std::async(std::launch::async, [=] {
        std::array<char, 16> to;
        return recv(fd, to.data(), to.size(), flags);
    });
    (void)got.wait_for(30ms);
    return got;
}

// One datagram is news for all who look and for one who reads, whoever came first.
void who_waits(const Ends& ends) {
    set_place(ends.to, -1);
    auto first = receive(ends.to, MSG_PEEK), second = receive(ends.to, MSG_PEEK), reading = receive(ends.to);
    check_equal(send(ends.from, "1234", 4, 0), 4);
    check_equal(result_of(std::move(reading)), 4);
    // Those who look may have come too late.
    check_equal(send(ends.from, "1234", 4, 0), 4);
    check_equal(result_of(std::move(first)), 4);
    check_equal(result_of(std::move(second)), 4);
    check_equal(result_of(receive(ends.to)), 4);
}

// One who looks behind what is there hears of more, also when what was there is taken meanwhile.
void who_waits_behind(const Ends& ends) {
    for (int i = 0; i < 200; ++i) {
        set_place(ends.to, 0);
        check_equal(send(ends.from, "1234", 4, 0), 4);
        check_equal(result_of(receive(ends.to, MSG_PEEK)), 4);
        auto looking = std::async(std::launch::async, [&] {
            std::array<char, 16> to;
            return recv(ends.to, to.data(), to.size(), MSG_PEEK);
        });
        auto reading = std::async(std::launch::async, [&] {
            std::array<char, 4> to;
            return recv(ends.to, to.data(), to.size(), 0);
        });
        check_equal(send(ends.from, "5678", 4, 0), 4);
        check_equal(result_of(std::move(looking)), 4);
        check_equal(result_of(std::move(reading)), 4);
        check_equal(result_of(receive(ends.to)), 4);
    }
}

void all(const char* name, const Ends& ends, bool are_datagrams) {
    shared_out(ends);
    Race(ends).run();
    if (are_datagrams) who_waits(ends);
    who_waits_behind(ends);
    passed(name);
}

}  // namespace

int main() {
    all("TCP", tcp_ends(), false);
    all("AF_UNIX streams", Ends(SOCK_STREAM), false);
    all("AF_UNIX datagrams", Ends(SOCK_DGRAM), true);
    all("AF_UNIX packets", Ends(SOCK_SEQPACKET), true);
    const Ends udp = udp_ends();
    all("UDP", udp, true);
    first_of(udp);
    passed("FIONREAD of UDP");
}
