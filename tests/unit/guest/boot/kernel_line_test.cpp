// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/pvh_kernel_line.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace husk;
using boot::read_kernel_line;
using Kind = abi::StreamKind;

namespace {

std::string decoded(std::string_view word) {
    std::string text(word.size(), '?');
    text.resize(boot::decode_word(word, text));
    return text;
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    for (boot::WordReader reader(text); auto word = reader.next();) words.emplace_back(*word);
    return words;
}

}  // namespace

TEST_CASE("a word's percent signs become bytes, and one that is none stays") {
    CHECK(decoded("plain") == "plain");
    CHECK(decoded("two%20words%0a") == "two words\n");
    CHECK(decoded("%C3%a4") == "\xc3\xa4");
    CHECK(decoded("%") == "");
    CHECK(decoded("100%") == "100%");
    CHECK(decoded("%4") == "%4");
    CHECK(decoded("%zz%41") == "%zzA");
    CHECK(decoded("%00").size() == 1);
}

TEST_CASE("an empty line means one serial port and a terminal behind it") {
    for (const char* text : {"", "   ", "console=ttyS0 reboot=k panic=1"}) {
        auto line = read_kernel_line(text);
        CHECK(line.stdout_port == 0x3f8);
        CHECK(line.stderr_port == 0x3f8);
        CHECK(line.status_port == 0);
        CHECK(line.control_port == 0);
        CHECK(line.streams[0] == Kind::tty);
        CHECK(line.working_directory == "/");
        CHECK(line.arguments.empty());
        CHECK_FALSE(line.is_verbose);
    }
}

TEST_CASE("the launcher's line is understood word by word") {
    auto line = read_kernel_line(
        "husk.stdout=0x401 husk.stderr=0x402 husk.status=0x403 husk.control=760 husk.streams=tty,pipe,file "
        "husk.argv0=./my%20app husk.cwd=/tmp husk.env=A=1 husk.env=B=%20 husk.verbose -- one % husk.cwd=/no");
    CHECK(line.stdout_port == 0x401);
    CHECK(line.stderr_port == 0x402);
    CHECK(line.status_port == 0x403);
    CHECK(line.control_port == 0x2f8);
    CHECK(line.streams[0] == Kind::tty);
    CHECK(line.streams[1] == Kind::pipe);
    CHECK(line.streams[2] == Kind::file);
    CHECK(decoded(line.program) == "./my app");
    CHECK(line.working_directory == "/tmp");
    CHECK(line.is_verbose);
    CHECK(words_of(line.arguments) == std::vector<std::string>{"one", "%", "husk.cwd=/no"});
    std::vector<std::string> environment;
    for (const std::string& word : words_of(line.settings)) {
        if (auto variable = boot::value_of(word, "husk.env=")) environment.push_back(decoded(*variable));
    }
    CHECK(environment == std::vector<std::string>{"A=1", "B= "});
}

TEST_CASE("device words become devices in the order in which QEMU was asked for them, and are no arguments") {
    auto line = read_kernel_line(
        "husk.verbose virtio_mmio.device=0x200@0xfeb00200:6 -- one virtio_mmio.device=no two "
        "virtio_mmio.device=512@0xfeb00c00:11 virtio_mmio.device=512@0xfeb00e00:12:7");
    REQUIRE(line.device_count == 3);
    CHECK(line.devices[0].registers == 0xfeb00e00);
    CHECK(line.devices[0].interrupt == 12);
    CHECK(line.devices[1].registers == 0xfeb00c00);
    CHECK(line.devices[2].interrupt == 6);
    CHECK(words_of(line.arguments) == std::vector<std::string>{"one", "virtio_mmio.device=no", "two"});
    for (const char* wrong : {"512@:5", "512@0xfeb00000", "512@0x1feb00000:5", "512@0xfeb00001:5", "512@0xfeb00000:200",
                              ":5@0xfeb00000", "@", ""}) {
        CAPTURE(wrong);
        CHECK(read_kernel_line(std::string("virtio_mmio.device=") + wrong).device_count == 0);
    }
}

TEST_CASE("words of the runtime's parts are told from those of the boot itself") {
    CHECK(boot::runtime_setting("husk.mount=vda:/data:ro") == "mount=vda:/data:ro");
    for (const char* other : {"husk.verbose", "husk.env=mount=x", "husk.cwd=/", "mount=vda:/data", "husk.stdout=1"}) {
        CHECK_FALSE(boot::runtime_setting(other));
    }
}

TEST_CASE("settings that make no sense are skipped") {
    auto line =
        read_kernel_line("husk.stdout=0x10000 husk.stderr= husk.status=12x husk.control=-1 husk.streams=,odd,null");
    CHECK(line.stdout_port == 0x3f8);
    CHECK(line.stderr_port == 0x3f8);
    CHECK(line.status_port == 0);
    CHECK(line.control_port == 0);
    CHECK(line.streams[0] == Kind::tty);
    CHECK(line.streams[1] == Kind::tty);
    CHECK(line.streams[2] == Kind::null);
}

TEST_CASE("what QEMU puts behind the arguments is none of them") {
    auto words = [](std::string_view text) { return words_of(read_kernel_line(text).arguments); };
    CHECK(words("-- a b virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=512@0xfeb00c00:11") ==
          std::vector<std::string>{"a", "b"});
    CHECK(words("-- virtio_mmio.device=512@0xfeb00e00:12").empty());
    CHECK(words("--").empty());
    CHECK(words("-- virtio_mmio.device=1 a") == std::vector<std::string>{"virtio_mmio.device=1", "a"});
}
