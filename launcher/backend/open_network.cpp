// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/open_network.hpp"

#include <sys/random.h>

#include <algorithm>
#include <span>
#include <utility>

#include "launcher/backend/recorded_backend.hpp"
#include "launcher/backend/stream_socket.hpp"
#include "launcher/backend/tap.hpp"
#include "launcher/backend/troubled_backend.hpp"
#include "launcher/backend/user_network.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/errno_error.hpp"

namespace husk::backend {

namespace {

using config::NetConfig;
using config::NetKind;

constexpr std::uint32_t ethernet_mtu = 1500;
constexpr std::uint32_t trouble_seed = 1;

std::unique_ptr<NetBackend> open_bare(const NetConfig& net) {
    switch (net.kind) {
        case NetKind::user:
            return start_user_network(net);
        case NetKind::tap:
        case NetKind::tap_fd:
        case NetKind::bridge:
            return std::make_unique<Tap>(open_tap(net));
        case NetKind::stream:
            return std::make_unique<StreamSocket>(open_stream(net.name, net.listens),
                                                  net.mtu != 0 ? net.mtu : ethernet_mtu);
    }
    __builtin_unreachable();
}

// FNV-1a: any spread will do.
std::uint32_t hash(std::string_view text) {
    std::uint32_t value = 2'166'136'261u;
    for (const char character : text) value = (value ^ static_cast<unsigned char>(character)) * 16'777'619u;
    return value;
}

}  // namespace

Tap open_tap(const NetConfig& net) {
    if (net.kind == NetKind::tap_fd) return Tap::adopt(net.fd);
    return net.kind == NetKind::bridge ? Tap::open_on_bridge(net.name, net.queue_pairs)
                                       : Tap::open(net.name, net.queue_pairs);
}

std::unique_ptr<NetBackend> open_network(const NetConfig& net,
                                         const std::function<void(std::string_view)>& on_warning) {
    std::unique_ptr<NetBackend> network = open_bare(net);
    if (net.trouble.any()) network = std::make_unique<TroubledBackend>(std::move(network), net.trouble, trouble_seed);
    if (net.pcap)
        network = std::make_unique<RecordedBackend>(std::move(network), PcapFile::create(*net.pcap, on_warning));
    return network;
}

config::MacAddress choose_mac(const NetConfig& net, std::size_t index) {
    if (net.mac) return *net.mac;
    std::uint32_t tail = 0x12'3456 + static_cast<std::uint32_t>(index);
    if (net.kind == NetKind::tap) {
        tail = hash(net.name);
    } else if (net.kind != NetKind::user && ::getrandom(&tail, sizeof tail, 0) != static_cast<ssize_t>(sizeof tail)) {
        throw host::errno_error("cannot get random bytes for a network address");
    }
    // 52:54:00 is where virtual machines have theirs: administered locally, of one station.
    return {0x52,
            0x54,
            0x00,
            static_cast<std::uint8_t>(tail >> 16),
            static_cast<std::uint8_t>(tail >> 8),
            static_cast<std::uint8_t>(tail)};
}

std::string describe(const NetConfig& net) {
    switch (net.kind) {
        case NetKind::user:
            return "the user network";
        case NetKind::tap:
            return "the tap " + net.name;
        case NetKind::tap_fd:
            return config::fill_in("the tap behind descriptor {}", net.fd);
        case NetKind::bridge:
            return "the tap on bridge " + net.name;
        case NetKind::stream:
            return "the peer at " + net.name;
    }
    __builtin_unreachable();
}

}  // namespace husk::backend
