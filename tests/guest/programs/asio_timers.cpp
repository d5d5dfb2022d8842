// SPDX-License-Identifier: Apache-2.0
// Boost.Asio: timers in order, cancelled timers, a strand over several threads.
#include <boost/asio.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

void in_order() {
    asio::io_context loop;
    std::vector<std::unique_ptr<asio::steady_timer>> timers;
    std::vector<int> order;
    const auto begin = std::chrono::steady_clock::now();
    for (const int ms : {50, 10, 90, 30, 70}) {
        // All from one moment: on a busy machine it may take a while to make five timers.
        timers.push_back(std::make_unique<asio::steady_timer>(loop, begin + std::chrono::milliseconds(ms)));
        timers.back()->async_wait([&order, ms](const boost::system::error_code& error) {
            check(!error);
            order.push_back(ms);
        });
    }
    loop.run();
    check(order == std::vector{10, 30, 50, 70, 90});
    check(std::chrono::steady_clock::now() - begin >= 90ms);
}

void cancelled() {
    asio::io_context loop;
    asio::steady_timer slow(loop, 1h), fast(loop, 5ms);
    bool aborted = false;
    slow.async_wait([&](const auto& error) { aborted = error == asio::error::operation_aborted; });
    fast.async_wait([&](const auto&) { slow.cancel(); });
    loop.run();
    check(aborted);
}

void strand_over_threads() {
    asio::io_context loop;
    auto strand = asio::make_strand(loop);
    int counter = 0;  // touched only inside the strand
    for (int i = 0; i < 2000; ++i) {
        asio::post(loop, [&] { asio::post(strand, [&] { ++counter; }); });
    }
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) threads.emplace_back([&] { loop.run(); });
    threads.clear();
    check_equal(counter, 2000);
}

}  // namespace

int main() {
    in_order();
    passed("timers in order");
    cancelled();
    passed("cancelled timer");
    strand_over_threads();
    passed("strand over threads");
}
