// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/network_words.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "launcher/backend/open_network.hpp"
#include "launcher/backend/tap.hpp"
#include "launcher/backend/user_network.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"
#include "launcher/qemu/transports.hpp"

namespace husk::qemu {

namespace {

using config::fill_in;
using config::NetConfig;
using config::NetKind;

// QEMU takes a comma in a value when it is doubled.
std::string escape(const std::string& value) {
    std::string escaped;
    for (const char character : value) escaped.append(character == ',' ? 2 : 1, character);
    return escaped;
}

int inherit(host::FileDescriptor descriptor, std::vector<host::FileDescriptor>& inherited) {
    ::fcntl(descriptor.get(), F_SETFD, 0);
    inherited.push_back(std::move(descriptor));
    return inherited.back().get();
}

// Not QEMU's own, whose published ports keep clients that come together waiting for seconds.
std::string user_backend(const NetConfig& net, std::size_t index, NetworkWords& result) {
    backend::UserNetworkProcess process = backend::start_user_network_process(net);
    result.helpers.push_back({index, process.id});
    return fill_in("dgram,local.type=fd,local.str={}", inherit(std::move(process.socket), result.inherited));
}

std::string stream_backend(const NetConfig& net) {
    const std::string server = net.listens ? "on" : "off";
    const std::size_t colon = net.name.rfind(':');
    if (net.name.find('/') != std::string::npos || colon == std::string::npos)
        return fill_in("stream,server={},addr.type=unix,addr.path={}", server, escape(net.name));
    return fill_in("stream,server={},addr.type=inet,addr.host={},addr.port={}", server, net.name.substr(0, colon),
                   net.name.substr(colon + 1));
}

std::string tap_backend(const NetConfig& net, std::vector<host::FileDescriptor>& inherited) {
    backend::Tap tap = net.kind == NetKind::tap      ? backend::Tap::open(net.name, 1)
                       : net.kind == NetKind::bridge ? backend::Tap::open_on_bridge(net.name, 1)
                                                     : backend::Tap::adopt(net.fd);
    return fill_in("tap,fd={}", inherit(std::move(tap.release().front()), inherited));
}

std::string backend_of(const NetConfig& net, std::size_t index, NetworkWords& result) {
    if (net.kind == NetKind::user) return user_backend(net, index, result);
    return net.kind == NetKind::stream ? stream_backend(net) : tap_backend(net, result.inherited);
}

std::string mac_text(const config::MacAddress& mac) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : mac) {
        if (!text.empty()) text += ':';
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

}  // namespace

NetworkWords open_networks(std::span<const NetConfig> networks, std::size_t first_slot) {
    NetworkWords result;
    if (networks.empty()) return result;
    if (first_slot + networks.size() > transports) {
        throw host::Error(host::ExitCode::usage,
                          fill_in("QEMU's microvm has room for {} disks and networks, and these are {}", transports,
                                  first_slot + networks.size()));
    }
    result.words = {"-global", "virtio-mmio.force-legacy=false"};
    const auto add = [&](std::string option, std::string value) {
        result.words.push_back(std::move(option));
        result.words.push_back(std::move(value));
    };
    for (std::size_t i = 0; i < networks.size(); ++i) {
        const NetConfig& net = networks[i];
        if (net.trouble.any() || net.bytes_per_second != 0) {
            throw host::Error(host::ExitCode::usage,
                              "loss, duplicate, reorder, delay and rate of a network need KVM, not --accel qemu");
        }
        if (net.vhost) throw host::Error(host::ExitCode::usage, "vhost of a network needs KVM, not --accel qemu");
        add("-netdev", fill_in("{},id=net{}", backend_of(net, i, result), i));
        std::string device = fill_in("virtio-net-device,netdev=net{},mac={},bus={}", i,
                                     mac_text(backend::choose_mac(net, i)), transport_bus(first_slot + i));
        const std::uint32_t mtu = net.mtu == 0 && net.kind == NetKind::user ? backend::user_network_mtu : net.mtu;
        if (mtu != 0) device += fill_in(",host_mtu={}", mtu);
        add("-device", std::move(device));
        if (net.pcap)
            add("-object", fill_in("filter-dump,id=dump{},netdev=net{},file={}", i, i, escape(net.pcap->native())));
    }
    return result;
}

}  // namespace husk::qemu
