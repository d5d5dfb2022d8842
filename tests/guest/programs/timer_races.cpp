// SPDX-License-Identifier: Apache-2.0
// Two threads that set one timer descriptor at once: it fires at the time that it then shows.
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

constexpr int rounds = 2000;
constexpr long short_ns = 300'000;

void set(int fd, const timespec& first) {
    const itimerspec once{{}, first};
    check_equal(timerfd_settime(fd, 0, &once, nullptr), 0);
}

// A short time against one that is a little longer, and one that never comes.
timespec other_time(int round) { return round % 2 == 0 ? timespec{0, 3 * short_ns} : timespec{3600, 0}; }

class Setter {
public:
    explicit Setter(int fd)
        : thread_([this, fd] {
              for (int round = 0; round < rounds; ++round) {
                  while (begun_.load() <= round) std::this_thread::yield();
                  set(fd, other_time(round));
                  done_.store(round + 1);
              }
          }) {}
    void begin(int round) { begun_.store(round + 1); }
    void until_done(int round) const {
        while (done_.load() <= round) std::this_thread::yield();
    }
    void join() { thread_.join(); }

private:
    std::atomic<int> begun_ = 0, done_ = 0;
    std::thread thread_;
};

}  // namespace

int main() {
    const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    Setter other(fd);
    for (int round = 0; round < rounds; ++round) {
        other.begin(round);
        set(fd, {0, short_ns});
        other.until_done(round);
        itimerspec shown;
        check_equal(timerfd_gettime(fd, &shown), 0);
        if (shown.it_value.tv_sec != 0) continue;
        pollfd one{fd, POLLIN, 0};
        check_equal(poll(&one, 1, 10'000), 1);  // long: a loss is a failure, not a hang
        std::uint64_t expirations = 0;
        check_equal(read(fd, &expirations, sizeof expirations), ssize_t{sizeof expirations});
    }
    other.join();
    passed("a timer set by two threads");
}
