// SPDX-License-Identifier: Apache-2.0
#include "launcher/user_net/sandbox.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <string>

#include "launcher/user_net/call_filter.hpp"

using namespace husk::user_net;

namespace {

constexpr int could_not_enter = 99;

// What a process in the sandbox ends with: action's result, or minus the signal that ended it.
template <class Action>
int in_sandbox(Action action) {
    const pid_t child = ::fork();
    if (child == 0) {
        std::string why;
        // Not _exit(): before a function that does not return, ASan makes a call that the sandbox does not have.
        ::syscall(SYS_exit_group, enter_sandbox(why) ? action() : could_not_enter);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

bool has_landlock() { return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1 /* the version */) > 0; }

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

int talk_to_itself() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    // SAFETY: what every sockaddr is for.
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener, any, size) != 0 || ::listen(listener, 1) != 0) return 1;
    if (::getsockname(listener, any, &size) != 0) return 2;
    const int caller = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(caller, any, size) != 0) return 3;
    const int called = ::accept(listener, nullptr, nullptr);
    char byte = 'x';
    if (::send(caller, &byte, 1, 0) != 1) return 4;
    pollfd ready{called, POLLIN, 0};
    if (::poll(&ready, 1, 1000) != 1 || ::recv(called, &byte, 1, 0) != 1) return 5;
    return ::shutdown(called, SHUT_RDWR) == 0 && ::close(called) == 0 ? 0 : 6;
}

}  // namespace

TEST_CASE("in the sandbox sockets, memory and the name servers' file are there") {
    CHECK(in_sandbox(talk_to_itself) == 0);
    CHECK(in_sandbox([] { return ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 ? 0 : 1; }) == 0);
    CHECK(in_sandbox([] {
              const std::size_t large = 64 << 20;
              void* const memory = std::malloc(large);
              std::free(memory);
              return memory != nullptr ? 0 : 1;
          }) == 0);
    if (::access("/etc/resolv.conf", R_OK) == 0)
        CHECK(in_sandbox([] { return ::open("/etc/resolv.conf", O_RDONLY) >= 0 ? 0 : 1; }) == 0);
}

TEST_CASE("in the sandbox what carrying frames does not need ends the process") {
    CHECK(in_sandbox([] { return ::execl("/bin/true", "true", nullptr); }) == -SIGSYS);
    CHECK(in_sandbox([] { return ::fork() >= 0 ? 0 : 1; }) == -SIGSYS);
    CHECK(in_sandbox([] { return ::kill(::getppid(), 0); }) == -SIGSYS);
    CHECK(in_sandbox([] { return static_cast<int>(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }) == -SIGSYS);
    CHECK(in_sandbox([] { return ::open("/etc/resolv.conf", O_RDWR); }) == -SIGSYS);
    CHECK(in_sandbox([] { return ::open("/tmp/husk-must-not-be", O_RDONLY | O_CREAT, 0600); }) == -SIGSYS);
    CHECK(in_sandbox([] { return ::unlink("/etc/husk-is-not-there"); }) == -SIGSYS);
    CHECK(in_sandbox([] {
              return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != nullptr ? 0
                                                                                                                 : 1;
          }) == -SIGSYS);
    CHECK(in_sandbox([] { return ::setuid(0); }) == -SIGSYS);
}

TEST_CASE("in the sandbox there are no sockets but those of IPv4 and IPv6") {
    for (const int family : {AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_UNSPEC}) {
        CHECK(in_sandbox([family] { return ::socket(family, SOCK_DGRAM, 0) < 0 && errno == EAFNOSUPPORT ? 0 : 1; }) ==
              0);
    }
}

TEST_CASE("in the sandbox root is given up") {
    if (::geteuid() != 0) return;
    CHECK(in_sandbox([] {
              const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
              const sockaddr_in privileged = loopback(1);
              // SAFETY: what every sockaddr is for.
              const int bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&privileged), sizeof privileged);
              return bound != 0 && errno == EACCES ? 0 : 1;
          }) == 0);
    if (::access("/etc/shadow", F_OK) == 0)
        CHECK(in_sandbox([] { return ::open("/etc/shadow", O_RDONLY) < 0 && errno == EACCES ? 0 : 1; }) == 0);
}

TEST_CASE("in the sandbox files of others cannot be read") {
    if (!has_landlock()) return;
    CHECK(in_sandbox([] { return ::open("/proc/self/environ", O_RDONLY) < 0 && errno == EACCES ? 0 : 1; }) == 0);
    CHECK(in_sandbox([] { return ::open("/usr/bin/env", O_RDONLY) < 0 && errno == EACCES ? 0 : 1; }) == 0);
}

TEST_CASE("calls that open, map or control something have conditions") {
    for (const int number :
         {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(socket), SCMP_SYS(ioctl), SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
        const auto rules = call_rules();
        CHECK(std::ranges::any_of(rules, [&](const CallRule& rule) { return rule.number == number; }));
        CHECK(std::ranges::none_of(
            rules, [&](const CallRule& rule) { return rule.number == number && rule.conditions.empty(); }));
    }
}
