// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/net_option.hpp"

#include <algorithm>
#include <utility>

#include "launcher/config/nearest_name.hpp"
#include "launcher/config/net_values.hpp"
#include "launcher/config/text.hpp"
#include "launcher/config/values.hpp"

namespace husk::config {

namespace {

using Complaint = std::string;  // empty: nothing is wrong

constexpr std::uint32_t mtu_min = 576, mtu_max = 65535;  // what every IPv4 host takes [rfc791 3.1]

bool is_address(std::string_view text) { return is_ipv4(text) || is_ipv6(text); }

bool is_true(std::string_view value) { return value == "on" || value == "true" || value == "yes"; }

Complaint set_percent(std::uint32_t& percent, std::string_view value) {
    std::string_view digits = value;
    if (digits.ends_with('%')) digits.remove_suffix(1);
    const auto number = parse_number<std::uint32_t>(digits, 0, 100);
    if (!number) return fill_in("'{}' is no percentage from 0 to 100", value);
    percent = *number;
    return {};
}

Complaint set_address(NetConfig& net, std::string_view value) {
    if (!is_network_address(value)) return fill_in("ip '{}' must be an address with its network, 10.0.0.2/24", value);
    net.addresses.emplace_back(value);
    return {};
}

Complaint set_gateway(NetConfig& net, std::string_view value) {
    if (!is_address(value)) return fill_in("gateway '{}' must be an address, 10.0.0.1", value);
    net.gateway = value;
    return {};
}

Complaint set_name_server(NetConfig& net, std::string_view value) {
    if (!is_address(value)) return fill_in("dns '{}' must be an address, 10.0.0.1", value);
    net.name_servers.emplace_back(value);
    return {};
}

Complaint set_queues(NetConfig& net, std::string_view value) {
    const auto number = parse_number<std::uint32_t>(value, 1, queue_pairs_max);
    if (!number) return fill_in("queues '{}' must be a number from 1 to {}", value, queue_pairs_max);
    net.queue_pairs = *number;
    return {};
}

Complaint set_mac(NetConfig& net, std::string_view value) {
    net.mac = parse_mac(value);
    if (!net.mac) return fill_in("mac '{}' must be the address of one station, 52:54:00:12:34:56", value);
    return {};
}

Complaint set_mtu(NetConfig& net, std::string_view value) {
    const auto number = parse_number<std::uint32_t>(value, mtu_min, mtu_max);
    if (!number) return fill_in("mtu '{}' must be a number from {} to {}", value, mtu_min, mtu_max);
    net.mtu = *number;
    return {};
}

Complaint set_rate(NetConfig& net, std::string_view value) {
    const auto bytes = parse_size(value);
    if (!bytes || *bytes == 0) return fill_in("rate '{}' must be bytes per second, such as 10M", value);
    net.bytes_per_second = *bytes;
    return {};
}

Complaint set_delay(NetConfig& net, std::string_view value) {
    constexpr std::chrono::milliseconds longest(60'000);
    const auto delay = parse_duration(value);
    if (!delay || *delay > longest) return fill_in("delay '{}' must be a time of at most 1m, such as 20ms", value);
    net.trouble.delay = *delay;
    return {};
}

struct NetKey {
    std::string_view name;
    Complaint (*set)(NetConfig&, std::string_view);
};

constexpr std::array net_keys{
    NetKey{"ip", set_address},
    NetKey{"gateway", set_gateway},
    NetKey{"dns", set_name_server},
    NetKey{"queues", set_queues},
    NetKey{"mac", set_mac},
    NetKey{"mtu", set_mtu},
    NetKey{"rate", set_rate},
    NetKey{"listen",
           [](NetConfig& net, std::string_view value) {
               net.listens = is_true(value);
               return Complaint();
           }},
    NetKey{"vhost",
           [](NetConfig& net, std::string_view value) {
               net.vhost = is_true(value);
               return Complaint();
           }},
    NetKey{"pcap",
           [](NetConfig& net, std::string_view value) {
               if (value.empty()) return Complaint("pcap needs a file");
               net.pcap = value;
               return Complaint();
           }},
    NetKey{"loss", [](NetConfig& net, std::string_view value) { return set_percent(net.trouble.loss, value); }},
    NetKey{"duplicate",
           [](NetConfig& net, std::string_view value) { return set_percent(net.trouble.duplicate, value); }},
    NetKey{"reorder", [](NetConfig& net, std::string_view value) { return set_percent(net.trouble.reorder, value); }},
    NetKey{"delay", set_delay},
};

constexpr std::array kinds{std::pair<std::string_view, NetKind>{"user", NetKind::user},
                           std::pair<std::string_view, NetKind>{"tap", NetKind::tap},
                           std::pair<std::string_view, NetKind>{"tapfd", NetKind::tap_fd},
                           std::pair<std::string_view, NetKind>{"bridge", NetKind::bridge},
                           std::pair<std::string_view, NetKind>{"stream", NetKind::stream}};

Complaint check_name(const NetConfig& net, std::string_view kind) {
    if ((net.kind == NetKind::tap || net.kind == NetKind::bridge) && !is_interface_name(net.name))
        return fill_in("{} needs the name of an interface, {}:NAME", kind, kind);
    if (net.kind == NetKind::stream && net.name.empty())
        return Complaint("stream needs the path of a socket, or HOST:PORT");
    if (net.kind == NetKind::user && !net.name.empty()) return Complaint("user takes no name");
    return {};
}

Complaint check_network(const NetConfig& net) {
    if (!net.gateway.empty()) {
        const bool has_family = std::ranges::any_of(net.addresses, [&](const std::string& ip) {
            return is_ipv6(net.gateway) == (ip.find(':') != std::string::npos);
        });
        if (!has_family) return fill_in("gateway {} needs an ip of the same family", net.gateway);
    }
    const bool is_tap = net.kind == NetKind::tap || net.kind == NetKind::bridge;
    if (net.queue_pairs > 1 && !is_tap) return Complaint("only tap and bridge have several queues");
    if (net.vhost && !is_tap && net.kind != NetKind::tap_fd) return Complaint("only tap, tapfd and bridge have vhost");
    if (net.vhost && (net.bytes_per_second != 0 || net.trouble.any() || net.pcap))
        return Complaint("vhost has neither rate, trouble nor pcap: frames do not come by husk");
    if (net.listens && net.kind != NetKind::stream) return Complaint("only stream has listen");
    return {};
}

bool collide(const PublishedPort& one, const PublishedPort& other) {
    return one.host_port == other.host_port && one.is_udp == other.is_udp && one.bind_address == other.bind_address;
}

}  // namespace

Complaint set_net_backend(std::string_view text, NetConfig& net) {
    const std::string_view kind = take_part(text, ':');
    const auto found = std::ranges::find(kinds, kind, &std::pair<std::string_view, NetKind>::first);
    if (found == kinds.end()) {
        std::array<std::string_view, kinds.size()> names{};
        std::ranges::transform(kinds, names.begin(), &std::pair<std::string_view, NetKind>::first);
        return fill_in("'{}' is no network; there are user, tap:NAME, tapfd:N, bridge:NAME and stream:PATH{}", kind,
                       suggest_name(kind, names));
    }
    net.kind = found->second;
    net.name = text;
    if (net.kind == NetKind::tap_fd) {
        const auto fd = parse_number<int>(text, 3, INT32_MAX);
        if (!fd) return fill_in("tapfd needs the number of an open descriptor from 3 on, not '{}'", text);
        net.fd = *fd;
    }
    return check_name(net, kind);
}

Complaint set_net_key(std::string_view key, std::string_view value, NetConfig& net) {
    if (value.find('\0') != std::string_view::npos) return fill_in("{} contains a NUL character", key);
    for (const NetKey& known : net_keys) {
        if (known.name == key) return known.set(net, value);
    }
    std::array<std::string_view, net_keys.size()> names{};
    std::ranges::transform(net_keys, names.begin(), &NetKey::name);
    return fill_in("unknown key '{}'{}", key, suggest_name(key, names));
}

Complaint parse_net(std::string_view text, NetConfig& net) {
    if (Complaint complaint = set_net_backend(take_part(text, ','), net); !complaint.empty()) return complaint;
    while (!text.empty()) {
        std::string_view value = take_part(text, ',');
        const std::string_view key = take_part(value, '=');
        if ((key == "listen" || key == "vhost") && value.empty()) value = "on";
        if (Complaint complaint = set_net_key(key, value, net); !complaint.empty()) return complaint;
    }
    return {};
}

Complaint parse_published(std::string_view text, PublishedPort& port) {
    const auto refused = [&] {
        return fill_in("'{}' must be [ADDRESS:]HOSTPORT:GUESTPORT, with /udp behind it for UDP", text);
    };
    std::string_view rest = text;
    const std::string_view ports = take_part(rest, '/');
    if (!rest.empty() && rest != "tcp" && rest != "udp") return refused();
    port.is_udp = rest == "udp";
    const std::size_t last = ports.rfind(':');
    if (last == std::string_view::npos) return refused();
    std::string_view host = ports.substr(0, last);
    const std::size_t middle = host.rfind(':');
    if (middle != std::string_view::npos) {
        port.bind_address = host.substr(0, middle);
        host.remove_prefix(middle + 1);
        if (!is_ipv4(port.bind_address)) return fill_in("'{}' is no IPv4 address to bind to", port.bind_address);
    }
    const auto host_port = parse_number<std::uint16_t>(host, 1, UINT16_MAX);
    const auto guest_port = parse_number<std::uint16_t>(ports.substr(last + 1), 1, UINT16_MAX);
    if (!host_port || !guest_port) return refused();
    port.host_port = *host_port;
    port.guest_port = *guest_port;
    return {};
}

Complaint publish(const PublishedPort& port, std::vector<NetConfig>& networks) {
    if (networks.empty()) networks.emplace_back();
    const auto user = std::ranges::find(networks, NetKind::user, &NetConfig::kind);
    if (user == networks.end()) return Complaint("only a user network publishes ports: add --net user");
    user->published.push_back(port);
    return {};
}

Complaint check_networks(std::span<const NetConfig> networks) {
    if (networks.size() > networks_max) return fill_in("a VM has at most {} networks", networks_max);
    std::vector<PublishedPort> seen;
    for (const NetConfig& net : networks) {
        if (Complaint complaint = check_network(net); !complaint.empty()) return complaint;
        for (const PublishedPort& port : net.published) {
            if (std::ranges::any_of(seen, [&](const PublishedPort& other) { return collide(port, other); }))
                return fill_in("port {} is published twice", port.host_port);
            seen.push_back(port);
        }
    }
    return {};
}

}  // namespace husk::config
