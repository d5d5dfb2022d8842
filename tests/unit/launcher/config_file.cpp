// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/config_file.hpp"

#include <doctest/doctest.h>

#include "launcher/host/error.hpp"

using namespace husk;
using config::LaunchConfig;

namespace {

LaunchConfig read(std::string_view text) {
    LaunchConfig config;
    config::read_config(text, "conf/husk.toml", config);
    return config;
}

std::string refusal_of(std::string_view text) {
    try {
        static_cast<void>(read(text));
    } catch (const host::Error& error) {
        CHECK(error.code() == host::ExitCode::config_file);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("every key of husk.toml sets its option") {
    const LaunchConfig config = read(R"(
image = "app"
args = ["-v", "two words"]
memory = "1G"
hugepages = "2M"
cwd = "/tmp"
timeout = "500ms"
accel = "kvm"
core = "/var/core"
stats = "json"
verbose = true
[env]
LANG = "C"
)");
    CHECK(config.image == "conf/app");
    CHECK(config.arguments == std::vector<std::string>{"-v", "two words"});
    CHECK(config.environment == std::vector<std::string>{"LANG=C"});
    CHECK(config.memory_bytes == 1ull << 30);
    CHECK(config.huge_pages == config::HugePages::size_2m);
    CHECK(config.working_directory == "/tmp");
    CHECK(config.timeout == std::chrono::milliseconds(500));
    CHECK(config.accelerator == config::Accelerator::kvm);
    CHECK(config.core_file == "/var/core");
    CHECK(config.stats == config::StatsFormat::json);
    CHECK(config.verbose);
}

TEST_CASE("a trace and a profile have keys, and names of calls are checked") {
    const LaunchConfig config = read("trace = \"syscalls:openat,read\"\ntrace-file = \"calls\"\nprofile = \"p\"\n");
    CHECK(config.debug.trace.calls == "openat,read");
    CHECK(config.debug.trace.file == "conf/calls");
    CHECK(config.debug.profile == "conf/p");
    CHECK(refusal_of("trace = \"syscalls:opnat\"\n") ==
          "conf/husk.toml:1: Linux has no system call 'opnat'; did you mean 'openat'?");
}

TEST_CASE("numbers may stand for sizes and times, and a list for the environment") {
    const LaunchConfig config = read("memory = 65536\ntimeout = 3\nstats = true\nenv = [\"A=1\"]\n");
    CHECK(config.memory_bytes == 65536);
    CHECK(config.timeout == std::chrono::seconds(3));
    CHECK(config.stats == config::StatsFormat::text);
    CHECK(config.environment == std::vector<std::string>{"A=1"});
}

TEST_CASE("an unknown key is named with its line and the nearest valid name") {
    CHECK(refusal_of("memory = \"1G\"\n\nmemroy = \"2G\"\n") ==
          "conf/husk.toml:3: unknown key 'memroy'; did you mean 'memory'?");
    CHECK(refusal_of("zzzzzzz = 1\n") == "conf/husk.toml:1: unknown key 'zzzzzzz'");
    CHECK(refusal_of("[memry]\nx = 1\n") == "conf/husk.toml:1: unknown key 'memry'; did you mean 'memory'?");
}

TEST_CASE("of several mistakes the first is reported") {
    CHECK(refusal_of("zz = 1\naa = 2\n").starts_with("conf/husk.toml:1:"));
}

TEST_CASE("a wrong type or value is refused with its line") {
    CHECK(refusal_of("\nverbose = \"yes\"\n") == "conf/husk.toml:2: verbose must be true or false");
    CHECK(refusal_of("args = \"a\"\n").starts_with("conf/husk.toml:1: args must be a list"));
    CHECK(refusal_of("args = [\"a\",\n 3]\n") == "conf/husk.toml:2: an entry of args must be a string, in quotes");
    CHECK(refusal_of("memory = \"lots\"\n").find("'lots'") != std::string::npos);
    CHECK(refusal_of("memory = 1.5\n").starts_with("conf/husk.toml:1: memory must be a size"));
    CHECK(refusal_of("memory = -1\n").starts_with("conf/husk.toml:1: memory is '-1'"));
    CHECK(refusal_of("cwd = \"tmp\"\n").find("absolute") != std::string::npos);
    CHECK(refusal_of("cwd = \"/a\\u0000b\"\n").find("NUL") != std::string::npos);
    CHECK(refusal_of("env = [\"A\"]\n").find("NAME=VALUE") != std::string::npos);
    CHECK(refusal_of("env = 3\n").find("table") != std::string::npos);
    CHECK(refusal_of("accel = \"xen\"\n").find("auto, kvm, qemu") != std::string::npos);
}

TEST_CASE("a text that is no TOML is refused with its line") {
    CHECK(refusal_of("memory = \"1G\"\nimage = = 3\n").starts_with("conf/husk.toml:2: "));
    CHECK(refusal_of(std::string_view("a = 1\n[\0[[", 10)).starts_with("conf/husk.toml:2: control character 0x0"));
    CHECK(refusal_of("\xce\xa5 = 1\n").starts_with("conf/husk.toml:1: "));
    CHECK(refusal_of("memory = \"1G\"\nmemory = \"2G\"\n").starts_with("conf/husk.toml:2: "));
}

TEST_CASE("[[net]] tables are networks, with the command line's keys") {
    const LaunchConfig config = read(R"(
[[net]]
backend = "user"
publish = ["8080:80", "127.0.0.1:53:5353/udp"]
pcap = "eth0.pcap"
[[net]]
backend = "tap:tap0"
ip = ["10.0.0.2/24", "fd00::2/64"]
gateway = "10.0.0.1"
queues = 2
)");
    REQUIRE(config.networks.size() == 2);
    CHECK(config.networks[0].published.size() == 2);
    CHECK(config.networks[0].pcap == "conf/eth0.pcap");
    CHECK(config.networks[1].name == "tap0");
    CHECK(config.networks[1].addresses.size() == 2);
    CHECK(config.networks[1].queue_pairs == 2);

    CHECK(refusal_of("[[net]]\nip = '10.0.0.2/24'\n").find("backend") != std::string::npos);
    CHECK(refusal_of("[[net]]\nbackend = 'tap:t'\npublish = '80:80'\n").find("user network") != std::string::npos);
    CHECK(refusal_of("[[net]]\nbackend = 'user'\nquees = 2\n").starts_with("conf/husk.toml:3: "));
    CHECK(refusal_of("net = 'user'\n").find("[[net]]") != std::string::npos);
}
