// SPDX-License-Identifier: Apache-2.0
// husk-image: turns a linked program into an image by filling in its patch table.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "toolchain/image/elf_file.hpp"
#include "toolchain/image/elf_writer.hpp"
#include "toolchain/image/error.hpp"
#include "toolchain/image/fill_image.hpp"
#include "toolchain/image/husk_note.hpp"

namespace {

using namespace husk::toolchain;

constexpr int exit_refused = 1;
constexpr int exit_usage = 2;
constexpr char usage[] =
    "usage: husk-image [-v] [-o OUTPUT] PROGRAM\n"
    "Fills the patch table of PROGRAM, a static executable linked with the Husk runtime and --emit-relocs,\n"
    "and drops those relocations. Without -o it does so in place. -v says how many sites were patched.\n";

struct Options {
    std::filesystem::path input;
    std::filesystem::path output;
    bool verbose = false;
    bool help = false;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        if (argument == "-h" || argument == "--help") {
            options.help = true;
        } else if (argument == "-v" || argument == "--verbose") {
            options.verbose = true;
        } else if (argument == "-o" && i + 1 < argc) {
            options.output = argv[++i];
        } else if (argument.starts_with('-') || !options.input.empty()) {
            throw Error("unexpected argument " + std::string(argument));
        } else {
            options.input = argument;
        }
    }
    if (options.input.empty() && !options.help) throw Error("no program given");
    if (options.output.empty()) options.output = options.input;
    return options;
}

void copy_unchanged(const Options& options) {
    if (options.output == options.input) return;
    std::filesystem::copy_file(options.input, options.output, std::filesystem::copy_options::overwrite_existing);
}

void make_image(const Options& options) {
    const std::string name = options.input.string();
    const ElfFile file = ElfFile::read(options.input);
    const RuntimeInfo info = read_runtime_info(file, name);
    if (info.is_filled_in()) {
        if (options.verbose) std::printf("husk-image: %s is an image already\n", name.c_str());
        return copy_unchanged(options);
    }
    if (!file.has_emitted_relocations()) {
        throw Error(name + " was linked without --emit-relocs, so its jump targets are unknown: link it with husk-cc");
    }
    const FilledImage image = fill_image(file, info);
    std::vector<std::uint8_t> bytes(file.file_bytes().begin(), file.file_bytes().end());
    for (const Edit& edit : image.edits) {
        std::copy(edit.bytes.begin(), edit.bytes.end(), bytes.begin() + static_cast<std::ptrdiff_t>(edit.offset));
    }
    write_without_relocations(std::move(bytes), options.output, options.input);
    if (image.room_was_full) {
        std::fprintf(stderr,
                     "husk-image: warning: %s: the patch room is full, %zu of %zu system calls stay slow traps\n",
                     name.c_str(), image.unpatched.size(), image.unpatched.size() + image.patched);
    }
    if (!options.verbose) return;
    std::printf("husk-image: %s: %zu of %zu sites patched\n", name.c_str(), image.patched,
                image.patched + image.unpatched.size());
    for (const std::uint64_t site : image.unpatched)
        std::printf("  0x%llx stays a trap\n", static_cast<unsigned long long>(site));
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    try {
        options = parse(argc, argv);
    } catch (const Error& error) {
        std::fprintf(stderr, "husk-image: %s\n%s", error.what(), usage);
        return exit_usage;
    }
    if (options.help) {
        std::fputs(usage, stdout);
        return 0;
    }
    try {
        make_image(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "husk-image: %s\n", error.what());
        return exit_refused;
    }
    return 0;
}
