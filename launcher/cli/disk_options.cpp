// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/disk_options.hpp"

#include "launcher/cli/option_parser.hpp"
#include "launcher/config/values.hpp"

namespace husk::cli {

namespace {

constexpr std::string_view disk_usage =
    "husk disk create FILE SIZE [--label LABEL] [--block-size N]\n\n"
    "Makes a sparse file with an empty ext4 file system, for husk run --disk FILE:MOUNT. Sizes: 64M, 8G, 1T.";

constexpr std::size_t label_max_bytes = 16;
constexpr std::uint64_t least_bytes = 1 << 20;

struct DiskOptions {
    std::optional<std::string> label;
    std::optional<std::string> block_size;
};

void add_options(OptionParser& parser, DiskOptions& options) {
    parser.add_text("--label", "LABEL", options.label, "the file system's name, at most 16 bytes");
    parser.add_text("--block-size", "N", options.block_size, "1024, 2048 or 4096 bytes (what mke2fs chooses)");
}

std::uint32_t parse_block_size(const std::string& text) {
    if (text == "1024" || text == "1K") return 1024;
    if (text == "2048" || text == "2K") return 2048;
    if (text == "4096" || text == "4K") return 4096;
    refuse_usage("--block-size is '{}', but it must be 1024, 2048 or 4096", text);
}

std::uint64_t parse_disk_size(const std::string& text) {
    const auto size_bytes = config::parse_size(text);
    if (!size_bytes) refuse_usage("SIZE is '{}', but it must be {}", text, config::size_form);
    if (*size_bytes < least_bytes || *size_bytes > INT64_MAX)
        refuse_usage("SIZE is '{}', but a disk has at least 1M and less than 8388608T", text);
    constexpr std::uint64_t whole = 4096;
    return *size_bytes / whole * whole;
}

}  // namespace

Command parse_disk_command(std::span<const char* const> words) {
    const std::string_view action = words.empty() ? std::string_view() : words.front();
    if (action == "--help" || action == "-h") return TextCommand{disk_help()};
    if (action != "create") refuse_usage("husk disk knows 'create' only, not '{}'", action);

    DiskOptions options;
    OptionParser parser(disk_usage);
    add_options(parser, options);
    // Options may stand in front of the two words, and behind them.
    std::vector<const char*> left(words.begin() + 1, words.end());
    std::vector<std::string> positional;
    while (true) {
        std::optional<std::vector<std::string>> rest = parser.parse(left);
        if (!rest) return TextCommand{parser.help()};
        if (rest->empty()) break;
        positional.push_back(rest->front());
        left.erase(left.begin(), left.end() - static_cast<std::ptrdiff_t>(rest->size() - 1));
    }
    if (positional.size() != 2) refuse_usage("husk disk create needs FILE and SIZE");
    CreateDiskCommand command;
    command.file = positional[0];
    command.size_bytes = parse_disk_size(positional[1]);
    if (options.label) command.label = *options.label;
    if (command.label.size() > label_max_bytes)
        refuse_usage("--label is '{}', but it has at most 16 bytes", command.label);
    if (options.block_size) command.block_bytes = parse_block_size(*options.block_size);
    return command;
}

std::string disk_help() {
    DiskOptions options;
    OptionParser parser(disk_usage);
    add_options(parser, options);
    return parser.help();
}

}  // namespace husk::cli
