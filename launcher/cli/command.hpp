// SPDX-License-Identifier: Apache-2.0
// What the user asked `husk` to do.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <variant>

#include "launcher/config/launch_config.hpp"

namespace husk::cli {

struct RunCommand {
    config::LaunchConfig config;
};

struct InspectCommand {
    std::filesystem::path image;
    bool json = false;
    bool syscalls = false;  // list the system calls instead
};

struct DoctorCommand {};

struct CreateDiskCommand {
    std::filesystem::path file;
    std::uint64_t size_bytes = 0;
    std::string label;
    std::uint32_t block_bytes = 0;  // 0: what mke2fs chooses
};

// `husk net up` or `down`.
struct NetCommand {
    bool up = false;
    std::string bridge = "husk0";
    std::string address = "10.88.0.1";  // the host's on the bridge, and the VMs' gateway and name server
    int network_bits = 24;
};

// What is asked of running VMs.
struct VmCommand {
    enum class Kind { ps, top, stats, stop, pause, resume };
    enum class Form { text, json, prometheus };
    Kind kind = Kind::ps;
    std::string name;  // of the VM; empty for ps and top
    Form form = Form::text;
    bool once = false;                           // top
    bool force = false;                          // stop
    std::chrono::milliseconds patience{10'000};  // stop: how long the application has to end
};

// Help or the version: a text for stdout, and done.
struct TextCommand {
    std::string text;
};

using Command =
    std::variant<RunCommand, InspectCommand, DoctorCommand, CreateDiskCommand, NetCommand, VmCommand, TextCommand>;

// `words` are argv without argv[0]. Only the options of the command that is meant are set up: a run pays for nothing
// else. Throws host::Error: usage, or config_file.
[[nodiscard]] Command parse_command(std::span<const char* const> words);

}  // namespace husk::cli
