// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/vm_options.hpp"

#include <array>
#include <optional>
#include <vector>

#include "launcher/cli/option_parser.hpp"
#include "launcher/config/values.hpp"

namespace husk::cli {

namespace {

using Kind = VmCommand::Kind;

struct Shape {
    std::string_view command;
    Kind kind;
    bool has_name;
    std::string_view usage;
};

constexpr std::array shapes{
    Shape{"ps", Kind::ps, false, "husk ps [--json]\n\nThe VMs of this user that run."},
    Shape{"top", Kind::top, false,
          "husk top [--once] [--json]\n\nWhat the running VMs use, anew every second; Ctrl-C ends it."},
    Shape{"stats", Kind::stats, true,
          "husk stats NAME [--json | --prometheus]\n\nWhat a running VM did and used so far."},
    Shape{"stop", Kind::stop, true,
          "husk stop NAME [--timeout TIME] [--force]\n\nSends the application SIGTERM, waits for its end, and ends the "
          "VM when that takes too long."},
    Shape{"pause", Kind::pause, true, "husk pause NAME\n\nThe VM stands still until husk resume NAME."},
    Shape{"resume", Kind::resume, true, "husk resume NAME\n\nA VM that stands still goes on."},
};

const Shape* find_shape(std::string_view command) {
    for (const Shape& shape : shapes) {
        if (shape.command == command) return &shape;
    }
    return nullptr;
}

struct VmOptions {
    bool json = false;
    bool prometheus = false;
    bool once = false;
    bool force = false;
    std::optional<std::string> timeout;
};

void add_options(OptionParser& parser, Kind kind, VmOptions& options) {
    if (kind == Kind::top) parser.add_flag("--once", options.once, "one table, over one second");
    if (kind == Kind::ps || kind == Kind::top || kind == Kind::stats)
        parser.add_flag("--json", options.json, "JSON, for programs");
    if (kind == Kind::stats) parser.add_flag("--prometheus", options.prometheus, "Prometheus' text format");
    if (kind == Kind::stop) {
        parser.add_text("--timeout", "TIME", options.timeout, "how long the application has to end (10s)");
        parser.add_flag("--force", options.force, "end the VM at once");
    }
}

VmCommand to_command(const Shape& shape, const VmOptions& options) {
    VmCommand command;
    command.kind = shape.kind;
    if (options.json && options.prometheus) refuse_usage("--json and --prometheus exclude each other");
    if (options.json) command.form = VmCommand::Form::json;
    if (options.prometheus) command.form = VmCommand::Form::prometheus;
    command.once = options.once || options.json;
    command.force = options.force;
    if (options.timeout) {
        const auto time = config::parse_duration(*options.timeout);
        if (!time) refuse_usage("--timeout is '{}', but it must be {}", *options.timeout, config::duration_form);
        command.patience = *time;
    }
    return command;
}

}  // namespace

bool is_vm_command(std::string_view command) { return find_shape(command) != nullptr; }

Command parse_vm_command(std::string_view command, std::span<const char* const> words) {
    const Shape& shape = *find_shape(command);
    VmOptions options;
    OptionParser parser(shape.usage);
    add_options(parser, shape.kind, options);
    // Options may stand in front of the name, and behind it.
    std::optional<std::vector<std::string>> rest = parser.parse(words);
    if (!rest) return TextCommand{parser.help()};
    std::string name;
    if (shape.has_name && !rest->empty()) {
        name = rest->front();
        rest = parser.parse(words.last(rest->size() - 1));
        if (!rest) return TextCommand{parser.help()};
    }
    if (shape.has_name && name.empty()) refuse_usage("husk {} needs the NAME of a VM; 'husk ps' lists them", command);
    if (!rest->empty()) refuse_usage("husk {} takes no '{}'", command, rest->front());
    if (shape.has_name && !config::is_vm_name(name))
        refuse_usage("'{}' is no name of a VM: it has {}", name, config::vm_name_form);
    VmCommand parsed = to_command(shape, options);
    parsed.name = name;
    return parsed;
}

std::string vm_help(std::string_view command) {
    const Shape& shape = *find_shape(command);
    VmOptions options;
    OptionParser parser(shape.usage);
    add_options(parser, shape.kind, options);
    return parser.help();
}

}  // namespace husk::cli
