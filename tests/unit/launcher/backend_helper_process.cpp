// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/helper_process.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <string>

#include "launcher/host/file_descriptor.hpp"

using namespace husk;
using namespace std::chrono_literals;

namespace {

// How a shell that runs `script` ends.
std::string end_of(const char* script) {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const host::FileDescriptor ours(ends[0]), theirs(ends[1]);
    const pid_t helper = backend::start_helper("/bin/sh", {"sh", "-c", script}, theirs.get());
    return backend::describe_end(backend::wait_for_helper(helper, 10s));
}

}  // namespace

TEST_CASE("it is said how a helper process ended") {
    CHECK(end_of("exit 3").find("exit code 3") != std::string::npos);
    CHECK(end_of("kill -KILL $$").find("signal 9") != std::string::npos);
    CHECK(end_of("kill -SYS $$").find("sandbox") != std::string::npos);
}

TEST_CASE("a helper process that goes on is not waited for long") {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const host::FileDescriptor ours(ends[0]), theirs(ends[1]);
    const pid_t helper = backend::start_helper("/bin/sleep", {"sleep", "60"}, theirs.get());
    CHECK(backend::describe_end(backend::wait_for_helper(helper, 10ms)).empty());
    CHECK(::kill(helper, SIGKILL) == 0);
    CHECK(backend::wait_for_helper(helper, 10s).has_value());
}
