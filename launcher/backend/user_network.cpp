// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/user_network.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "launcher/backend/packet_socket.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::backend {

namespace {

using config::fill_in;
using config::PublishedPort;
using host::ExitCode;

constexpr int child_socket = 3;               // husk-user-net finds its end of the socket there
constexpr int socket_buffer_bytes = 4 << 20;  // some 60 of the longest frames
constexpr std::uint32_t default_mtu = 1500;

// The process would find out too, but only after the guest runs.
void require_free(const PublishedPort& port) {
    const host::FileDescriptor socket(::socket(AF_INET, (port.is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) throw host::errno_error("cannot make a socket");
    const int on = 1;
    if (!port.is_udp) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port.host_port);
    ::inet_pton(AF_INET, port.bind_address.c_str(), &address.sin_addr);
    // SAFETY: what every sockaddr is for.
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    if (::bind(socket.get(), any, sizeof address) == 0 && (port.is_udp || ::listen(socket.get(), 1) == 0)) return;
    const std::string what = fill_in("{}:{}/{}", port.bind_address, port.host_port, port.is_udp ? "udp" : "tcp");
    switch (errno) {
        case EADDRINUSE:
            throw host::Error(ExitCode::net_busy,
                              fill_in("cannot publish {}: another program has the port; choose another one", what));
        case EACCES:
            throw host::Error(ExitCode::net_permission,
                              fill_in("cannot publish {}: only root may use ports below 1024", what));
        case EADDRNOTAVAIL:
            throw host::Error(ExitCode::net_missing,
                              fill_in("cannot publish {}: this host does not have the address", what));
        default:
            throw host::errno_error(fill_in("cannot publish {}", what));
    }
}

std::vector<std::string> words_for(const config::NetConfig& net, const std::filesystem::path& program) {
    std::vector<std::string> words{program.native(), fill_in("mtu={}", net.mtu != 0 ? net.mtu : default_mtu)};
    for (const std::string& address : net.addresses) {
        if (address.find(':') == std::string::npos) words.push_back("guest=" + address.substr(0, address.find('/')));
    }
    for (const PublishedPort& port : net.published) {
        words.push_back(
            fill_in("{}={}:{}:{}", port.is_udp ? "udp" : "tcp", port.bind_address, port.host_port, port.guest_port));
    }
    return words;
}

struct SpawnActions {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    SpawnActions() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    ~SpawnActions() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;
};

void spawn(const std::filesystem::path& program, std::vector<std::string> words, int socket) {
    SpawnActions spawned;
    ::posix_spawn_file_actions_addopen(&spawned.actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&spawned.actions, STDIN_FILENO, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&spawned.actions, socket, child_socket);
    // The terminal's ^C is for the application, through the launcher.
    ::posix_spawnattr_setflags(&spawned.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    sigset_t defaults;
    ::sigemptyset(&defaults);
    ::sigaddset(&defaults, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&spawned.attributes, &defaults);
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    pid_t pid = 0;
    const int error =
        ::posix_spawn(&pid, program.c_str(), &spawned.actions, &spawned.attributes, pointers.data(), environ);
    if (error != 0) {
        throw host::Error(ExitCode::user_network,
                          fill_in("cannot start {}: {}", program.native(), std::strerror(error)));
    }
}

}  // namespace

std::filesystem::path find_user_network() {
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) return {};
    const std::filesystem::path folder = self.parent_path();
    for (std::filesystem::path program :
         {folder / user_network_program, folder.parent_path() / "libexec/husk" / user_network_program}) {
        if (::access(program.c_str(), X_OK) == 0) return program;
    }
    return {};
}

std::unique_ptr<NetBackend> start_user_network(const config::NetConfig& net) {
    const std::filesystem::path program = find_user_network();
    if (program.empty()) {
        throw host::Error(ExitCode::user_network,
                          fill_in("{} is not installed beside husk, which --net user needs: install Husk whole, or use "
                                  "--net tap:NAME",
                                  user_network_program));
    }
    for (const PublishedPort& port : net.published) require_free(port);
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
        throw host::errno_error("cannot make a channel to the user network");
    host::FileDescriptor ours(ends[0]), theirs(ends[1]);
    for (const int end : ends) {
        // As far as the host allows.
        ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &socket_buffer_bytes, sizeof socket_buffer_bytes);
    }
    spawn(program, words_for(net, program), theirs.get());
    return std::make_unique<PacketSocket>(std::move(ours), net.mtu != 0 ? net.mtu : default_mtu);
}

}  // namespace husk::backend
