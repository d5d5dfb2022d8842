// SPDX-License-Identifier: Apache-2.0
// One network of a VM, as the user described it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace husk::config {

enum class NetKind {
    user,    // a network of its own behind libslirp; needs no privileges
    tap,     // an interface of the host that exists, or that the launcher may make
    tap_fd,  // a descriptor of a tap that whoever started the launcher has opened
    bridge,  // a tap made for this run that joins a bridge
    stream,  // Ethernet frames over a stream socket, each behind its length: QEMU, passt, another husk
};

using MacAddress = std::array<std::uint8_t, 6>;

// A port of the host that leads to one of the guest's.
struct PublishedPort {
    std::string bind_address = "0.0.0.0";
    std::uint16_t host_port = 0;
    std::uint16_t guest_port = 0;
    bool is_udp = false;
    friend bool operator==(const PublishedPort&, const PublishedPort&) = default;
};

// What happens to frames on their way, to try out how an application bears it. Percent of the frames.
struct NetTrouble {
    std::uint32_t loss = 0;
    std::uint32_t duplicate = 0;
    std::uint32_t reorder = 0;
    std::chrono::milliseconds delay{0};

    [[nodiscard]] bool any() const { return loss != 0 || duplicate != 0 || reorder != 0 || delay.count() != 0; }
};

struct NetConfig {
    NetKind kind = NetKind::user;
    std::string name;  // of the tap or bridge; path or HOST:PORT of a stream
    int fd = -1;
    bool listens = false;                // a stream that waits for its peer
    std::vector<std::string> addresses;  // "10.0.0.2/24"; none: DHCP where the network has it
    std::string gateway;
    std::vector<std::string> name_servers;
    std::uint32_t queue_pairs = 1;
    std::optional<MacAddress> mac;
    std::uint32_t mtu = 0;               // 0: the network's own
    std::uint64_t bytes_per_second = 0;  // in each direction; 0: no limit
    bool vhost = false;                  // the host's kernel serves a tap's queues
    NetTrouble trouble;
    std::optional<std::filesystem::path> pcap;
    std::vector<PublishedPort> published;
};

inline constexpr std::uint32_t queue_pairs_max = 8;
inline constexpr std::size_t networks_max = 8;

}  // namespace husk::config
