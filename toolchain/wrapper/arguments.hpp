// SPDX-License-Identifier: Apache-2.0
// What a gcc command line asks for, as far as it matters to making an image.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace husk::toolchain {

using Arguments = std::vector<std::string>;

enum class Action {
    pass,     // nothing that Husk changes: --version, -r, -nostdlib, no input
    compile,  // stops before linking
    link,     // makes an executable
};

struct Request {
    Action action = Action::pass;
    Arguments arguments;           // for the real compiler, without what static linking with relocations cannot take
    std::filesystem::path output;  // of a link
    std::string refusal;           // one sentence; not empty: run nothing
    bool strip = false;            // -s was asked for
    bool dry_run = false;          // -###
};

// Response files are looked into, and expanded only when something in them has to go.
[[nodiscard]] Request read_request(const Arguments& arguments);

}  // namespace husk::toolchain
