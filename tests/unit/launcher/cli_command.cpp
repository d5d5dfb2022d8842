// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/command.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <vector>

#include "launcher/host/error.hpp"
#include "tests/unit/launcher/temporary_file.hpp"

using namespace husk;

namespace {

cli::Command parse(std::vector<const char*> words) { return cli::parse_command(words); }

config::LaunchConfig parse_run(std::vector<const char*> words) {
    words.insert(words.begin(), "run");
    return std::get<cli::RunCommand>(parse(std::move(words))).config;
}

std::string refusal_of(std::vector<const char*> words) {
    try {
        static_cast<void>(parse(std::move(words)));
    } catch (const host::Error& error) {
        CHECK(error.code() == host::ExitCode::usage);
        return error.what();
    }
    return "accepted";
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("the words behind the image are the application's") {
    CHECK(parse_run({"app", "a", "--memory", "x"}).arguments == Words{"a", "--memory", "x"});
    CHECK(parse_run({"app", "--", "-x", "--"}).arguments == Words{"-x", "--"});
    CHECK(parse_run({"--verbose", "app", "--", "-x"}).arguments == Words{"-x"});
    CHECK(parse_run({"--", "app", "b"}).image == "app");
    CHECK(parse_run({"app"}).arguments.empty());
}

TEST_CASE("a trace is of all calls or of some, and of nothing that Linux does not have") {
    CHECK(parse_run({"--trace=syscalls", "app"}).debug.trace.calls == "all");
    const auto config = parse_run({"--trace", "syscalls:read,write", "--trace-file=f", "--profile=p", "app"});
    CHECK(config.debug.trace.calls == "read,write");
    CHECK(config.debug.trace.file == "f");
    CHECK(config.debug.profile == "p");
    CHECK(refusal_of({"run", "--trace=syscalls:read,", "app"}).starts_with("--trace: Linux has no system call ''"));
    CHECK(
        refusal_of({"run", "--trace=syscallsread", "app"}).starts_with("--trace: 'syscallsread' is nothing to trace"));
    CHECK(refusal_of({"run", "--trace-file=f", "app"}).starts_with("--trace-file needs something to trace"));
}

TEST_CASE("every option of run is understood") {
    const auto config =
        parse_run({"--memory", "64M", "--env", "A=1", "--env", "B=2 3", "--env=A=4", "--cwd", "/tmp", "--timeout=2s",
                   "--accel", "qemu", "--stats=json", "--hugepages", "off", "--core", "c", "--verbose", "app"});
    CHECK(config.memory_bytes == 64u << 20);
    CHECK(config.environment == Words{"A=4", "B=2 3"});
    CHECK(config.working_directory == "/tmp");
    CHECK(config.timeout == std::chrono::milliseconds(2000));
    CHECK(config.accelerator == config::Accelerator::qemu);
    CHECK(config.stats == config::StatsFormat::json);
    CHECK(config.huge_pages == config::HugePages::off);
    CHECK(config.core_file == "c");
    CHECK(config.verbose);
    CHECK(config.image == "app");
}

TEST_CASE("--stats alone does not take the image for its value") {
    const auto config = parse_run({"--stats", "app"});
    CHECK(config.stats == config::StatsFormat::text);
    CHECK(config.image == "app");
}

TEST_CASE("a wrong command line is refused with one sentence") {
    CHECK(refusal_of({}).find("husk run") != std::string::npos);
    CHECK(refusal_of({"rnu"}) == "unknown command 'rnu'; did you mean 'run'?");
    CHECK(refusal_of({"run"}).find("IMAGE") != std::string::npos);
    CHECK(refusal_of({"run", "--memroy", "1G", "app"}) == "unknown option '--memroy'; did you mean '--memory'?");
    CHECK(refusal_of({"run", "--memory"}).find("--memory") != std::string::npos);
    CHECK(refusal_of({"run", "--memory", "much", "app"}).find("'much'") != std::string::npos);
    CHECK(refusal_of({"run", "--env", "A", "app"}).find("NAME=VALUE") != std::string::npos);
    CHECK(refusal_of({"run", "--cwd", "tmp", "app"}).find("absolute") != std::string::npos);
    CHECK(refusal_of({"run", "--stats=xml", "app"}).find("json") != std::string::npos);
    CHECK(refusal_of({"inspect"}).find("IMAGE") != std::string::npos);
    CHECK(refusal_of({"inspect", "a", "b"}).find("'b'") != std::string::npos);
    CHECK(refusal_of({"doctor", "now"}).find("'now'") != std::string::npos);
}

TEST_CASE("inspect takes an option on either side of the image") {
    CHECK(std::get<cli::InspectCommand>(parse({"inspect", "a", "--json"})).json);
    CHECK(std::get<cli::InspectCommand>(parse({"inspect", "--json", "a"})).image == "a");
    CHECK(std::get<cli::InspectCommand>(parse({"inspect", "a", "--syscalls"})).syscalls);
    CHECK(refusal_of({"inspect", "a", "--syscalls", "--json"}).find("not both") != std::string::npos);
}

TEST_CASE("help and version are texts") {
    for (const auto& words : std::vector<std::vector<const char*>>{{"help"},
                                                                   {"--help"},
                                                                   {"help", "run"},
                                                                   {"run", "--help"},
                                                                   {"inspect", "-h"},
                                                                   {"doctor", "--help"},
                                                                   {"--version"}}) {
        CHECK_FALSE(std::get<cli::TextCommand>(parse(words)).text.empty());
    }
}

TEST_CASE("the command line wins over husk.toml") {
    const test::TemporaryFile temporary;
    std::ofstream(temporary.path())
        << "image = \"/from/file\"\nmemory = \"1G\"\nargs = [\"old\"]\nenv = [\"A=1\", \"B=2\"]\n";
    const char* file = temporary.path().c_str();
    auto config = parse_run({"--config", file});
    CHECK(config.image == "/from/file");
    CHECK(config.arguments == Words{"old"});
    config = parse_run({"--config", file, "--memory", "2M", "--env", "A=9", "--", "new"});
    CHECK(config.image == "/from/file");
    CHECK(config.arguments == Words{"new"});
    CHECK(config.memory_bytes == 2u << 20);
    CHECK(config.environment == Words{"A=9", "B=2"});
    CHECK(parse_run({"--config", file, "other"}).image == "other");
}
