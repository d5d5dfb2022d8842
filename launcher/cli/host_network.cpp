// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/host_network.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "launcher/backend/interface_control.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"
#include "launcher/host/run_program.hpp"

namespace husk::cli {

namespace {

using config::fill_in;
namespace fs = std::filesystem;

constexpr const char* forwarding_switch = "/proc/sys/net/ipv4/ip_forward";

// What `down` needs to know of `up`.
struct Records {
    explicit Records(const std::string& bridge)
        : dhcp_pid("/run/husk/" + bridge + ".pid"),
          leases("/run/husk/" + bridge + ".leases"),
          forwarding_was_off("/run/husk/" + bridge + ".forwarding-was-off") {}
    fs::path dhcp_pid, leases, forwarding_was_off;
};

void require_root(const NetCommand& command) {
    if (::geteuid() == 0) return;
    throw host::Error(host::ExitCode::net_permission,
                      fill_in("husk net {} changes the host's network, which only root may: run it as root",
                              command.up ? "up" : "down"));
}

std::string first_word(const fs::path& path) {
    std::ifstream file(path);
    std::string word;
    file >> word;
    return word;
}

std::string text_of(std::uint32_t address) {
    const in_addr network_order{htonl(address)};
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &network_order, text.data(), text.size());
    return text.data();
}

// The addresses that DHCP gives: all of the network but the host's, and the first and the last.
struct Range {
    std::string network, first, last;
};

Range range_of(const NetCommand& command) {
    in_addr address{};
    ::inet_pton(AF_INET, command.address.c_str(), &address);
    const std::uint32_t host = ntohl(address.s_addr), mask = UINT32_MAX << (32 - command.network_bits);
    const std::uint32_t network = host & mask, last = (network | ~mask) - 1;
    const std::uint32_t first = host == network + 1 ? network + 2 : network + 1;
    return {fill_in("{}/{}", text_of(network), command.network_bits), text_of(first),
            text_of(host == last ? last - 1 : last)};
}

std::string table_of(const NetCommand& command) { return "husk_" + command.bridge; }

// What went wrong; empty: nothing.
std::string try_run(std::string_view name, std::vector<std::string> arguments) {
    const auto program = host::find_program(name);
    if (!program) return fill_in("{} is not installed", name);
    const host::ProgramResult result = host::run_program(*program, std::move(arguments));
    return result.exit_status == 0 ? std::string() : fill_in("{} failed: {}", name, result.errors);
}

bool runs(const fs::path& pid_file) {
    const std::string pid = first_word(pid_file);
    return !pid.empty() && first_word("/proc/" + pid + "/comm") == "dnsmasq";
}

std::string forward_packets(const Records& records) {
    if (first_word(forwarding_switch) == "1") return "forwarding: on already\n";
    std::ofstream(forwarding_switch) << "1\n";
    if (first_word(forwarding_switch) != "1") return "forwarding: could not be set; VMs do not reach the outside\n";
    std::ofstream(records.forwarding_was_off) << "1\n";
    return fill_in("forwarding: set {} to 1\n", forwarding_switch);
}

std::string translate_addresses(const NetCommand& command, const Range& range) {
    const std::string table = table_of(command);
    // Made anew, so that a repetition leaves one.
    const std::string wrong =
        try_run("nft", {fill_in("add table ip {}; delete table ip {}; add table ip {}; "
                                "add chain ip {} outwards { type nat hook postrouting priority 100 ; }; "
                                "add rule ip {} outwards ip saddr {} oifname != \"{}\" masquerade",
                                table, table, table, table, table, range.network, command.bridge)});
    if (wrong.empty()) return fill_in("NAT: nftables table {} for {}\n", table, range.network);
    return fill_in("NAT: {}, so VMs do not reach the outside (apt install nftables)\n", wrong);
}

std::string serve_addresses(const NetCommand& command, const Range& range, const Records& records) {
    if (runs(records.dhcp_pid)) return "DHCP and DNS: dnsmasq runs already\n";
    const std::string wrong =
        try_run("dnsmasq", {"--conf-file=/dev/null", "--bind-interfaces", "--interface=" + command.bridge,
                            "--listen-address=" + command.address, "--except-interface=lo",
                            fill_in("--dhcp-range={},{},1h", range.first, range.last), "--dhcp-authoritative",
                            "--pid-file=" + records.dhcp_pid.native(), "--dhcp-leasefile=" + records.leases.native()});
    if (wrong.empty()) return fill_in("DHCP and DNS: dnsmasq, addresses {} to {}\n", range.first, range.last);
    return fill_in(
        "DHCP and DNS: {}, so give each VM an address: --net bridge:{},ip={}/{},gateway={} "
        "(or apt install dnsmasq-base)\n",
        wrong, command.bridge, range.first, command.network_bits, command.address);
}

}  // namespace

std::string bring_network_up(const NetCommand& command) {
    require_root(command);
    const Records records(command.bridge);
    const Range range = range_of(command);
    fs::create_directories(records.dhcp_pid.parent_path());
    std::string text;
    if (backend::is_bridge(command.bridge)) {
        text = fill_in("bridge {}: there already\n", command.bridge);
    } else {
        backend::make_bridge(command.bridge);
        text = fill_in("bridge {}: made, {}/{}\n", command.bridge, command.address, command.network_bits);
    }
    backend::set_interface_address(command.bridge, command.address, command.network_bits);
    backend::set_interface_up(command.bridge);
    text += forward_packets(records);
    text += translate_addresses(command, range);
    text += serve_addresses(command, range, records);
    return text + fill_in("Use it with: husk run --net bridge:{} IMAGE\n", command.bridge);
}

std::string take_network_down(const NetCommand& command) {
    require_root(command);
    const Records records(command.bridge);
    std::string text;
    if (runs(records.dhcp_pid)) {
        ::kill(static_cast<pid_t>(std::stol(first_word(records.dhcp_pid))), SIGTERM);
        text += "DHCP and DNS: ended\n";
    }
    if (try_run("nft", {"delete", "table", "ip", table_of(command)}).empty()) text += "NAT: removed\n";
    if (fs::exists(records.forwarding_was_off)) {
        std::ofstream(forwarding_switch) << "0\n";
        text += fill_in("forwarding: set {} to 0, as it was\n", forwarding_switch);
    }
    for (const fs::path& path : {records.dhcp_pid, records.leases, records.forwarding_was_off}) {
        std::error_code ignored;
        fs::remove(path, ignored);
    }
    if (backend::is_bridge(command.bridge)) {
        backend::remove_bridge(command.bridge);
        text += fill_in("bridge {}: removed\n", command.bridge);
    }
    return text.empty() ? fill_in("there is nothing of bridge {}\n", command.bridge) : text;
}

}  // namespace husk::cli
