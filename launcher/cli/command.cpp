// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/command.hpp"

#include <array>

#include <husk/abi/version.hpp>

#include "launcher/cli/disk_options.hpp"
#include "launcher/cli/inspect_options.hpp"
#include "launcher/cli/net_options.hpp"
#include "launcher/cli/option_parser.hpp"
#include "launcher/cli/run_options.hpp"
#include "launcher/cli/vm_options.hpp"
#include "launcher/config/nearest_name.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"

namespace husk::cli {

namespace {

constexpr std::string_view overview =
    "husk boots an ordinary C++ program as a virtual machine.\n"
    "\n"
    "  husk run [options] IMAGE [args...]   run an image; stdin, stdout, stderr and exit code like a process\n"
    "  husk inspect IMAGE [--json]          what an image is and needs\n"
    "  husk disk create FILE SIZE           make a disk image with an empty ext4\n"
    "  husk doctor                          what this host can do, and how to mend what it cannot\n"
    "  husk net up | down                   a bridge with NAT and DHCP for VMs, and its end; needs root\n"
    "  husk ps, husk top                    the VMs that run, and what they use\n"
    "  husk stats | stop NAME               what one VM did so far; its end\n"
    "  husk pause | resume NAME             a VM stands still, and goes on\n"
    "  husk help [COMMAND]                  this text, or a command's options\n"
    "  husk --version\n"
    "\n"
    "Build images with husk-c++, husk-cc, or husk_add_image() of find_package(Husk).\n";

constexpr std::string_view doctor_help =
    "husk doctor\n"
    "\n"
    "Says what this host can do for husk and how to mend what it cannot. Exits with 0 when a VM can run, else with "
    "1.\n";

TextCommand help_about(std::string_view command) {
    if (command == "run") return {run_help()};
    if (command == "inspect") return {inspect_help()};
    if (command == "doctor") return {std::string(doctor_help)};
    if (command == "disk") return {disk_help()};
    if (command == "net") return {net_help()};
    if (is_vm_command(command)) return {vm_help(command)};
    return {std::string(overview)};
}

Command parse_doctor(std::span<const char* const> words) {
    if (words.empty()) return DoctorCommand{};
    const std::string_view word = words.front();
    if (word == "--help" || word == "-h") return help_about("doctor");
    refuse_usage("husk doctor takes no '{}'", word);
}

}  // namespace

Command parse_command(std::span<const char* const> words) {
    if (words.empty()) refuse_usage("say what to do, such as 'husk run ./app'");
    const std::string_view command = words.front();
    const auto rest = words.subspan(1);
    if (command == "run") return parse_run(rest);
    if (command == "inspect") return parse_inspect(rest);
    if (command == "doctor") return parse_doctor(rest);
    if (command == "disk") return parse_disk_command(rest);
    if (command == "net") return parse_net_command(rest);
    if (is_vm_command(command)) return parse_vm_command(command, rest);
    if (command == "help" || command == "--help" || command == "-h") {
        return help_about(rest.empty() ? std::string_view() : rest.front());
    }
    if (command == "--version" || command == "version") {
        return TextCommand{config::fill_in("husk {} (ABI number {})\n", HUSK_VERSION, abi::abi_number)};
    }
    static constexpr std::array<std::string_view, 13> commands{"run",    "inspect", "doctor",   "disk", "net",
                                                               "ps",     "top",     "stats",    "stop", "pause",
                                                               "resume", "help",    "--version"};
    refuse_usage("unknown command '{}'{}", command, config::suggest_name(command, commands));
}

}  // namespace husk::cli
