// SPDX-License-Identifier: Apache-2.0
// For the network tests: the name servers of /etc/resolv.conf, then what glibc's resolver finds for each argument.
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <set>
#include <string>
#include <thread>

namespace {

std::string text_of(const sockaddr& address) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (address.sa_family == AF_INET)
        inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
    if (address.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text, sizeof text);
    return text;
}

void look_up(const char* name) {
    addrinfo wanted{}, *found = nullptr;
    wanted.ai_socktype = SOCK_STREAM;
    const int error = getaddrinfo(name, nullptr, &wanted, &found);
    std::set<std::string> addresses;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) addresses.insert(text_of(*one->ai_addr));
    std::printf("%s:", name);
    for (const std::string& address : addresses) std::printf(" %s", address.c_str());
    std::printf("%s%s\n", error != 0 ? " " : "", error != 0 ? gai_strerror(error) : "");
    if (found != nullptr) freeaddrinfo(found);
}

std::string name_servers() {
    std::ifstream settings("/etc/resolv.conf");
    std::string lines;
    for (std::string line; std::getline(settings, line);) {
        if (line.starts_with("nameserver")) lines += line + "\n";
    }
    return lines;
}

}  // namespace

int main(int count, char** words) {
    std::string servers;
    // They may come by DHCP.
    for (int tries = 0; servers.empty() && tries < 1000; ++tries) {
        if (tries != 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        servers = name_servers();
    }
    std::fputs(servers.c_str(), stdout);
    for (int i = 1; i < count; ++i) look_up(words[i]);
}
