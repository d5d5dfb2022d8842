// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/token_bucket.hpp"

#include <doctest/doctest.h>

using husk::event::TokenBucket;

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

}  // namespace

TEST_CASE("a limit lets a burst pass and then its rate") {
    TokenBucket bucket(1000);
    std::uint64_t now_ns = second_ns, passed = 0;
    const std::uint64_t end_ns = now_ns + 10 * second_ns;
    while (now_ns < end_ns) {
        while (bucket.is_open(now_ns)) {
            bucket.take(30);
            passed += 30;
        }
        CHECK(bucket.opens_ns() > now_ns);
        now_ns = bucket.opens_ns();
    }
    CHECK(passed >= 10 * 1000);
    CHECK(passed <= 10 * 1000 + 100 + 60);
}

TEST_CASE("no limit is always open") {
    TokenBucket bucket(0);
    bucket.take(UINT64_MAX);
    CHECK(bucket.is_open(0));
    CHECK(bucket.opens_ns() == UINT64_MAX);
}
