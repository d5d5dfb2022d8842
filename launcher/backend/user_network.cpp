// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/user_network.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "launcher/backend/helper_process.hpp"
#include "launcher/backend/packet_socket.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::backend {

namespace {

using config::fill_in;
using config::PublishedPort;
using host::ExitCode;

constexpr int socket_buffer_bytes = 4 << 20;  // some 60 of the longest frames

std::uint32_t mtu_of(const config::NetConfig& net) { return net.mtu != 0 ? net.mtu : user_network_mtu; }

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
    std::vector<std::string> words{program.native(), fill_in("mtu={}", mtu_of(net))};
    for (const std::string& address : net.addresses) {
        if (address.find(':') == std::string::npos) words.push_back("guest=" + address.substr(0, address.find('/')));
    }
    for (const PublishedPort& port : net.published) {
        words.push_back(
            fill_in("{}={}:{}:{}", port.is_udp ? "udp" : "tcp", port.bind_address, port.host_port, port.guest_port));
    }
    return words;
}

// The other end is a child of this process, which knows how it ended.
class UserNetwork final : public PacketSocket {
public:
    UserNetwork(host::FileDescriptor socket, std::uint32_t mtu, pid_t helper)
        : PacketSocket(std::move(socket), mtu), helper_(helper) {}

    // Its ports are free for the next VM then.
    ~UserNetwork() override {
        close();
        let_helper_finish(helper_);
    }

    [[nodiscard]] std::string why_gone() override { return describe_end(wait_for_helper(helper_, longest_end)); }

private:
    static constexpr std::chrono::milliseconds longest_end{500};  // its socket closes before it has ended
    pid_t helper_;
};

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

UserNetworkProcess start_user_network_process(const config::NetConfig& net) {
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
    const pid_t helper = start_helper(program, words_for(net, program), theirs.get());
    return {std::move(ours), helper};
}

std::unique_ptr<NetBackend> start_user_network(const config::NetConfig& net) {
    UserNetworkProcess helper = start_user_network_process(net);
    return std::make_unique<UserNetwork>(std::move(helper.socket), mtu_of(net), helper.id);
}

}  // namespace husk::backend
