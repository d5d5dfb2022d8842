// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/net_options.hpp"

#include "launcher/cli/option_parser.hpp"
#include "launcher/config/net_option.hpp"

namespace husk::cli {

namespace {

struct NetOptions {
    std::optional<std::string> bridge;
    std::optional<std::string> address;
};

constexpr std::string_view net_usage =
    "husk net up | down [options]\n\n"
    "up makes a bridge for `husk run --net bridge:NAME`, with NAT to the outside and DHCP and DNS for the VMs, and "
    "says\n"
    "what it changes; down takes that back. Either may be repeated. Needs root.";

void add_options(OptionParser& parser, NetOptions& options) {
    parser.add_text("--bridge", "NAME", options.bridge, "the bridge's name (husk0)");
    parser.add_text("--address", "A/N", options.address, "the host's address on it, with its network (10.88.0.1/24)");
}

void apply(const NetOptions& options, NetCommand& command) {
    config::NetConfig net;
    if (options.bridge) {
        if (const std::string wrong = config::set_net_backend("bridge:" + *options.bridge, net); !wrong.empty())
            refuse_usage("--bridge: {}", wrong);
        command.bridge = *options.bridge;
    }
    if (!options.address) return;
    // A network with room for hosts.
    constexpr int widest = 8, narrowest = 28;
    const std::size_t slash = options.address->find('/');
    const bool is_ipv4 = options.address->find(':') == std::string::npos;
    if (!config::set_net_key("ip", *options.address, net).empty() || !is_ipv4)
        refuse_usage("--address is '{}', but it must be an IPv4 address with its network", *options.address);
    command.address = options.address->substr(0, slash);
    command.network_bits = std::stoi(options.address->substr(slash + 1));
    if (command.network_bits < widest || command.network_bits > narrowest)
        refuse_usage("--address is '{}', but the network must be from /8 to /28", *options.address);
}

}  // namespace

Command parse_net_command(std::span<const char* const> words) {
    NetCommand command;
    if (words.empty()) refuse_usage("say 'husk net up' or 'husk net down'");
    const std::string_view what = words.front();
    if (what == "--help" || what == "-h") return TextCommand{net_help()};
    if (what != "up" && what != "down") refuse_usage("husk net takes up or down, not '{}'", what);
    command.up = what == "up";
    NetOptions options;
    OptionParser parser(net_usage);
    add_options(parser, options);
    const std::optional<std::vector<std::string>> rest = parser.parse(words.subspan(1));
    if (!rest) return TextCommand{parser.help()};
    if (!rest->empty()) refuse_usage("husk net {} takes no '{}'", what, rest->front());
    apply(options, command);
    return command;
}

std::string net_help() {
    NetOptions options;
    OptionParser parser(net_usage);
    add_options(parser, options);
    return parser.help();
}

}  // namespace husk::cli
