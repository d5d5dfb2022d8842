// SPDX-License-Identifier: Apache-2.0
// The few words a guest test needs: check something, name the part that passed, fail with the place.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <source_location>

namespace guest_test {

[[noreturn]] inline void fail(const char* what, const std::source_location& place) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s:%u: %s (errno %d, %s)\n", place.file_name(), place.line(), what, errno,
                 std::strerror(errno));
    std::_Exit(1);
}

inline void check(bool condition, std::source_location place = std::source_location::current()) {
    if (!condition) fail("check failed", place);
}

template <class A, class B>
void check_equal(const A& actual, const B& expected, std::source_location place = std::source_location::current()) {
    if (actual == expected) return;
    if constexpr (requires {
                      static_cast<long long>(actual);
                      static_cast<long long>(expected);
                  }) {
        std::fprintf(stderr, "is %lld, should be %lld\n", static_cast<long long>(actual),
                     static_cast<long long>(expected));
    }
    fail("not equal", place);
}

// A call that must fail with this errno: `check_fails(close(-1), EBADF)`.
template <class Result>
void check_fails(Result result, int expected_errno, std::source_location place = std::source_location::current()) {
    const int got = errno;
    if (static_cast<long long>(result) != -1) fail("should have failed", place);
    if (got != expected_errno) {
        std::fprintf(stderr, "errno should be %s\n", std::strerror(expected_errno));
        errno = got;
        fail("wrong errno", place);
    }
}

// One compact line per part that passed, so that a failure is easy to locate.
inline void passed(const char* part) {
    std::printf("ok %s\n", part);
    std::fflush(stdout);
}

}  // namespace guest_test
