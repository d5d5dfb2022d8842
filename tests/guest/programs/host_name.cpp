// SPDX-License-Identifier: Apache-2.0
// What --hostname says: uname, gethostname, /proc and /etc agree, and the name leads to this machine.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

std::string first_line(const char* file) {
    std::ifstream stream(file);
    std::string line;
    check(static_cast<bool>(std::getline(stream, line)));
    return line;
}

}  // namespace

int main() {
    utsname names{};
    check_equal(uname(&names), 0);
    const std::string name = names.nodename;
    char host[65];
    check_equal(gethostname(host, sizeof host), 0);
    check_equal(std::string(host), name);
    check_equal(first_line("/proc/sys/kernel/hostname"), name);
    check_equal(first_line("/etc/hostname"), name);
    check(first_line("/etc/hosts").ends_with(name));

    addrinfo wanted{}, *found = nullptr;
    wanted.ai_family = AF_INET;
    wanted.ai_socktype = SOCK_STREAM;
    check_equal(getaddrinfo(name.c_str(), nullptr, &wanted, &found), 0);
    char text[INET_ADDRSTRLEN];
    const auto* address = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
    std::printf("%s is %s\n", name.c_str(), inet_ntop(AF_INET, &address->sin_addr, text, sizeof text));
    freeaddrinfo(found);
    passed("host name");
}
