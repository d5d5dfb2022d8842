// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/run_options.hpp"

#include "launcher/cli/option_parser.hpp"
#include "launcher/config/config_file.hpp"
#include "launcher/config/disk_option.hpp"
#include "launcher/config/net_option.hpp"
#include "launcher/config/trace_option.hpp"
#include "launcher/config/values.hpp"

namespace husk::cli {

namespace {

// Options as they were written.
struct RunOptions {
    std::optional<std::string> config;
    std::optional<std::string> name;
    std::optional<std::string> host_name;
    std::optional<std::string> memory;
    std::optional<std::string> memory_target;
    std::vector<std::string> environment;
    std::vector<std::string> disks;
    std::vector<std::string> networks;
    std::vector<std::string> published;
    std::optional<std::string> pcap;
    std::vector<std::string> directories;
    std::optional<std::string> working_directory;
    std::optional<std::string> timeout;
    std::optional<std::string> accelerator;
    std::optional<std::string> huge_pages;
    std::optional<std::string> cpus;
    std::optional<std::string> pins;
    std::optional<std::string> node;
    bool is_mergeable = false;
    std::optional<std::string> core;
    std::optional<std::string> gdb;
    std::optional<std::string> gdb_on_crash;
    std::optional<std::string> trace;
    std::optional<std::string> trace_file;
    std::optional<std::string> profile;
    std::string stats;  // empty: not given
    bool verbose = false;
};

constexpr std::string_view run_usage =
    "husk run [options] IMAGE [args...]\n\n"
    "Boots IMAGE as a virtual machine. The words behind IMAGE are the application's; a '--' directly behind it is\n"
    "left out. Sizes: 64K, 512M, 8G. Times: 500ms, 2s, 1m.";

void add_options(OptionParser& parser, RunOptions& options) {
    parser.add_text("--name", "NAME", options.name, "the VM's name for husk ps and its kin (the image's)");
    parser.add_text("--hostname", "NAME", options.host_name, "what the guest calls itself (husk)");
    parser.add_text("--memory", "SIZE", options.memory, "memory the guest may use at most (256M)");
    parser.add_text(
        "--memory-target", "SIZE", options.memory_target,
        "give memory that the application has freed back to the host, until the guest uses about this much");
    parser.add_list("--env", "NAME=VALUE", options.environment, "set a variable of the application; may be repeated");
    parser.add_list("--disk", "FILE", options.disks,
                    "attach a disk: FILE[,ro][,cache=writeback|none|unsafe][,overlay=FILE][,serial=ID]"
                    "[,queues=N][,bps=SIZE][,iops=N][:MOUNT[:ro]]; may be repeated");
    parser.add_list("--dir", "DIR:MOUNT", options.directories,
                    "ship a folder of this host as a read-only disk; may be repeated");
    parser.add_list(
        "--net", "NETWORK", options.networks,
        "attach a network: user, tap:NAME, tapfd:N, bridge:NAME or stream:PATH, then [,ip=A/N][,gateway=A]"
        "[,dns=A][,mac=M][,mtu=N][,queues=N][,vhost][,rate=SIZE][,listen][,pcap=FILE][,loss=N%][,delay=TIME]"
        "[,reorder=N%][,duplicate=N%]; may be repeated: eth0, eth1, ...");
    parser.add_list("--publish", "PORT", options.published,
                    "let [ADDRESS:]HOSTPORT:GUESTPORT[/udp] of this host lead to the guest; may be repeated");
    parser.add_text("--pcap", "FILE", options.pcap, "record the first network's frames for Wireshark");
    parser.add_text("--cwd", "DIR", options.working_directory, "the application's working directory (/)");
    parser.add_text("--config", "FILE", options.config, "read options from a husk.toml; the command line wins");
    parser.add_text("--timeout", "TIME", options.timeout, "end the VM after this time with exit code 124; 0 for never");
    parser.add_text("--accel", "KIND", options.accelerator, "auto, kvm or qemu (auto)");
    parser.add_text("--hugepages", "KIND", options.huge_pages, "back guest memory by auto, 2M, 1G, thp or off (auto)");
    parser.add_text("--cpus", "N", options.cpus, "give the VM this many virtual CPUs (1)");
    parser.add_text("--pin", "CPUS", options.pins,
                    "run the virtual CPUs on these CPUs of the host, such as 2,3 or 4-7");
    parser.add_text("--numa", "NODE", options.node, "take all guest memory from this NUMA node");
    parser.add_flag("--ksm", options.is_mergeable, "let the host share pages that are equal to another VM's");
    parser.add_text("--core", "FILE", options.core, "write a core file when the application crashes");
    parser.add_text("--gdb", "PORT", options.gdb,
                    "wait for gdb at [HOST:]PORT before the application's first instruction");
    parser.add_text("--gdb-on-crash", "PORT", options.gdb_on_crash, "wait for gdb when the application crashes");
    parser.add_text("--trace", "WHAT", options.trace,
                    "print system calls as they are made: syscalls, or syscalls:openat,read,...");
    parser.add_text("--trace-file", "FILE", options.trace_file, "print them into a file instead of stderr");
    parser.add_text("--profile", "FILE", options.profile,
                    "sample where the application spends its time: folded stacks, and a report in FILE.txt");
    parser.add_optional_text("--stats", "text", options.stats,
                             "print times and counts at the end; --stats=json as JSON");
    parser.add_flag("--verbose", options.verbose, "say what the launcher and the runtime do");
}

template <class Value>
Value parse_value(std::string_view option, const std::string& text, std::optional<Value> (*parse)(std::string_view),
                  std::string_view form) {
    const std::optional<Value> value = parse(text);
    if (!value) refuse_usage("{} is '{}', but it must be {}", option, text, form);
    return *value;
}

// Those of the command line stand in for those of husk.toml, as its arguments do; --dir comes behind --disk.
void apply_disks(const RunOptions& options, config::LaunchConfig& config) {
    if (!options.disks.empty() || !options.directories.empty()) config.disks.clear();
    for (const std::string& text : options.disks) {
        if (const std::string wrong = config::parse_disk(text, config.disks.emplace_back()); !wrong.empty())
            refuse_usage("--disk: {}", wrong);
    }
    for (const std::string& text : options.directories) {
        if (const std::string wrong = config::parse_directory_disk(text, config.disks.emplace_back()); !wrong.empty())
            refuse_usage("--dir: {}", wrong);
    }
    if (const std::string wrong = config::check_disks(config.disks); !wrong.empty()) refuse_usage("{}", wrong);
}

// Those of the command line stand in for those of husk.toml; --publish and --pcap come on top of either.
void apply_networks(const RunOptions& options, config::LaunchConfig& config) {
    if (!options.networks.empty()) config.networks.clear();
    for (const std::string& text : options.networks) {
        if (const std::string wrong = config::parse_net(text, config.networks.emplace_back()); !wrong.empty())
            refuse_usage("--net: {}", wrong);
    }
    for (const std::string& text : options.published) {
        config::PublishedPort port;
        if (const std::string wrong = config::parse_published(text, port); !wrong.empty())
            refuse_usage("--publish: {}", wrong);
        if (const std::string wrong = config::publish(port, config.networks); !wrong.empty())
            refuse_usage("--publish: {}", wrong);
    }
    if (options.pcap) {
        if (config.networks.empty()) refuse_usage("--pcap needs a network: add --net");
        config.networks.front().pcap = *options.pcap;
    }
    if (const std::string wrong = config::check_networks(config.networks); !wrong.empty()) refuse_usage("{}", wrong);
}

void apply_trace(const RunOptions& options, config::LaunchConfig& config) {
    if (options.trace) {
        if (const std::string wrong = config::parse_trace(*options.trace, config.debug.trace); !wrong.empty())
            refuse_usage("--trace: {}", wrong);
    }
    if (options.trace_file) config.debug.trace.file = *options.trace_file;
    if (config.debug.trace.file && config.debug.trace.calls.empty())
        refuse_usage("--trace-file needs something to trace: add --trace=syscalls");
    if (options.profile) config.debug.profile = *options.profile;
}

void apply(const RunOptions& options, config::LaunchConfig& config) {
    using namespace config;
    if (options.name) config.name = *options.name;
    if (options.name && !is_vm_name(config.name))
        refuse_usage("--name is '{}', but it must be {}", config.name, vm_name_form);
    if (options.host_name) config.host_name = *options.host_name;
    if (options.host_name && !is_host_name(config.host_name))
        refuse_usage("--hostname is '{}', but it must be {}", config.host_name, host_name_form);
    if (options.memory) config.memory_bytes = parse_value("--memory", *options.memory, parse_size, size_form);
    if (options.memory_target)
        config.memory_target_bytes = parse_value("--memory-target", *options.memory_target, parse_size, size_form);
    for (const std::string& entry : options.environment) {
        if (!is_environment_entry(entry)) refuse_usage("--env is '{}', but it must be {}", entry, environment_form);
        set_environment(config.environment, entry);
    }
    if (options.working_directory) {
        config.working_directory = *options.working_directory;
        if (!is_absolute_directory(config.working_directory)) {
            refuse_usage("--cwd is '{}', but it must be {}", config.working_directory, directory_form);
        }
    }
    if (options.timeout) {
        config.timeout = parse_value("--timeout", *options.timeout, parse_duration, duration_form);
    }
    if (config.timeout && config.timeout->count() == 0) config.timeout.reset();
    if (options.accelerator) {
        config.accelerator = parse_value("--accel", *options.accelerator, parse_accelerator, accelerator_form);
    }
    if (options.huge_pages) {
        config.huge_pages = parse_value("--hugepages", *options.huge_pages, parse_huge_pages, huge_pages_form);
    }
    if (options.cpus) config.cpus = parse_value("--cpus", *options.cpus, parse_cpu_count, cpu_count_form);
    if (options.pins) config.pins = parse_value("--pin", *options.pins, parse_cpu_list, cpu_list_form);
    if (options.node) config.placement.node = parse_value("--numa", *options.node, parse_node, node_form);
    config.placement.is_mergeable = config.placement.is_mergeable || options.is_mergeable;
    apply_disks(options, config);
    apply_networks(options, config);
    if (options.core) config.core_file = *options.core;
    if (options.gdb) config.debug.gdb = parse_value("--gdb", *options.gdb, parse_debug_address, debug_address_form);
    if (options.gdb_on_crash) {
        config.debug.gdb_on_crash =
            parse_value("--gdb-on-crash", *options.gdb_on_crash, parse_debug_address, debug_address_form);
    }
    apply_trace(options, config);
    if (!options.stats.empty()) config.stats = parse_value("--stats", options.stats, parse_stats, stats_form);
    config.verbose = config.verbose || options.verbose;
}

// `rest` is: [--] [IMAGE [--]] [args...]. With an image in husk.toml, a leading -- means that only arguments follow.
void apply_positionals(std::vector<std::string> rest, config::LaunchConfig& config) {
    auto word = rest.begin();
    const bool marked = word != rest.end() && *word == "--";
    if (marked) ++word;
    if (word != rest.end() && !(marked && !config.image.empty())) {
        config.image = *word++;
        if (word != rest.end() && *word == "--") ++word;
    }
    if (config.image.empty()) refuse_usage("husk run needs an IMAGE");
    if (word != rest.end()) config.arguments.assign(word, rest.end());
}

}  // namespace

Command parse_run(std::span<const char* const> words) {
    config::LaunchConfig config;
    // Most runs have no options: setting up a parser (40 us) would be for nothing.
    if (!words.empty() && words.front()[0] != '-') {
        apply_positionals({words.begin(), words.end()}, config);
        return RunCommand{std::move(config)};
    }
    RunOptions options;
    OptionParser parser(run_usage);
    add_options(parser, options);
    std::optional<std::vector<std::string>> rest = parser.parse(words);
    if (!rest) return TextCommand{parser.help()};

    if (options.config) config::read_config_file(*options.config, config);
    apply(options, config);
    apply_positionals(std::move(*rest), config);
    return RunCommand{std::move(config)};
}

std::string run_help() {
    RunOptions options;
    OptionParser parser(run_usage);
    add_options(parser, options);
    return parser.help();
}

}  // namespace husk::cli
