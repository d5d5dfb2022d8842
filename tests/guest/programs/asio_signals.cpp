// SPDX-License-Identifier: Apache-2.0
// Boost.Asio: signal_set hears what the program sends itself, from this thread and from another.
#include <signal.h>

#include <boost/asio.hpp>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;
namespace asio = boost::asio;

int main() {
    asio::io_context loop;
    asio::signal_set signals(loop, SIGTERM, SIGUSR1);
    int heard = 0;
    signals.async_wait([&](const boost::system::error_code& error, int number) {
        check(!error);
        heard = number;
    });
    check_equal(raise(SIGTERM), 0);
    loop.run();
    check_equal(heard, SIGTERM);
    passed("raised before the loop runs");

    loop.restart();
    signals.async_wait([&](const auto&, int number) { heard = number; });
    std::thread sender([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        kill(getpid(), SIGUSR1);
    });
    loop.run();
    sender.join();
    check_equal(heard, SIGUSR1);
    passed("sent while the loop waits");
}
