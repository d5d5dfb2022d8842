// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/inspect_options.hpp"

#include "launcher/cli/option_parser.hpp"

namespace husk::cli {

namespace {

constexpr std::string_view inspect_usage =
    "husk inspect IMAGE [--json | --syscalls]\n\n"
    "Says what an image is: entry, ABI number, segments, patched system-call sites, and what it needs.";

void add_options(OptionParser& parser, InspectCommand& command) {
    parser.add_flag("--json", command.json, "print JSON");
    parser.add_flag("--syscalls", command.syscalls, "list the system calls that it can make, and which are missing");
}

}  // namespace

Command parse_inspect(std::span<const char* const> words) {
    InspectCommand command;
    OptionParser parser(inspect_usage);
    add_options(parser, command);
    std::optional<std::vector<std::string>> rest = parser.parse(words);
    if (!rest) return TextCommand{parser.help()};

    for (const std::string& word : *rest) {
        if (word == "--json") {
            command.json = true;
        } else if (word == "--syscalls") {
            command.syscalls = true;
        } else if (word != "--" && !command.image.empty()) {
            refuse_usage("husk inspect takes one IMAGE, not also '{}'", word);
        } else if (word != "--") {
            command.image = word;
        }
    }
    if (command.image.empty()) refuse_usage("husk inspect needs an IMAGE");
    if (command.json && command.syscalls) refuse_usage("husk inspect takes --json or --syscalls, not both");
    return command;
}

std::string inspect_help() {
    InspectCommand command;
    OptionParser parser(inspect_usage);
    add_options(parser, command);
    return parser.help();
}

}  // namespace husk::cli
