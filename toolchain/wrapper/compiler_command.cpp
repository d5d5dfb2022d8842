// SPDX-License-Identifier: Apache-2.0
#include "toolchain/wrapper/compiler_command.hpp"

#include <algorithm>

namespace husk::toolchain {
namespace {

bool is_clang(const Arguments& compiler) {
    return std::any_of(compiler.begin(), compiler.end(), [](const std::string& word) {
        return std::filesystem::path(word).filename().string().find("clang") != std::string::npos;
    });
}

}  // namespace

Arguments compiler_command(const Arguments& compiler, const Request& request, const Installation& installation) {
    Arguments command = compiler;
    const auto add = [&](std::initializer_list<std::string> words) { command.insert(command.end(), words); };
    if (request.action != Action::pass) add({"-fno-pie"});
    if (request.action != Action::link) {
        command.insert(command.end(), request.arguments.begin(), request.arguments.end());
        return command;
    }
    // Not crtbeginT.o, which a plain -static takes: it registers all unwind tables by hand, and then the first
    // exception sorts every one of them. crtbegin.o leaves them to .eh_frame_hdr.
    const bool clang = is_clang(compiler);
    if (clang) {
        add({"-Wno-unused-command-line-argument", "-no-pie", "-static-libgcc", "-Wl,-static"});
    } else {
        add({"-specs=" + installation.specs.string(), "-static", "-no-pie"});
    }
    add({"-Wl,--emit-relocs", "-Wl,--eh-frame-hdr", "-Wl,-z,noseparate-code",
         "-T" + installation.linker_script.string(), installation.guest_object.string()});
    command.insert(command.end(), request.arguments.begin(), request.arguments.end());
    if (clang) add({"-Wl,--start-group", "-lgcc", "-lgcc_eh", "-lc", "-Wl,--end-group"});
    return command;
}

}  // namespace husk::toolchain
