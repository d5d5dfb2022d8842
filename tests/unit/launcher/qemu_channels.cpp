// SPDX-License-Identifier: Apache-2.0
#include "launcher/qemu/kernel_line.hpp"

#include <doctest/doctest.h>

#include "launcher/qemu/control_frames.hpp"
#include "launcher/qemu/status_lines.hpp"
#include "launcher/qemu/transports.hpp"

using namespace husk::qemu;

TEST_CASE("words survive a kernel command line") {
    CHECK(encode_word("plain-1.0_x/y=z:,@+") == "plain-1.0_x/y=z:,@+");
    CHECK(encode_word("") == "%");
    CHECK(encode_word("a b\n\"%\xff") == "a%20b%0A%22%25%FF");
}

TEST_CASE("the kernel line names ports, environment and arguments") {
    husk::config::LaunchConfig config;
    config.image = "./app";
    config.environment = {"A=b c"};
    config.arguments = {"--", "", "x"};
    const std::string line = make_kernel_line(config, {"tty,pipe,file", true});
    CHECK(line ==
          "husk.stdout=0x401 husk.stderr=0x401 husk.status=0x403 husk.control=0x2f8 husk.streams=tty,pipe,file "
          "husk.argv0=./app husk.cwd=/ husk.env=A=b%20c -- -- % x");
}

TEST_CASE("status lines are understood across reads, and nonsense is dropped") {
    StatusReader reader;
    CHECK(reader.take("ex").empty());
    auto lines = reader.take("it 7\nexit 256\nsignal 0\nhello\n" + std::string(10'000, 'x') + "\nread 65535\nsig");
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].kind == StatusLine::Kind::exit);
    CHECK(lines[0].value == 7);
    CHECK(lines[1].kind == StatusLine::Kind::read);
    lines = reader.take("nal 11\npanic\n");
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].kind == StatusLine::Kind::signal);
    CHECK(lines[0].value == 11);
    CHECK(lines[1].kind == StatusLine::Kind::panic);
}

TEST_CASE("input frames carry their length in two bytes") {
    const std::string frame = make_input_frame(std::string(300, 'a'));
    CHECK(frame.size() == 303);
    CHECK(frame.substr(0, 3) == std::string("I\x2c\x01"));
}

TEST_CASE("disks and networks come in the order in which a guest counts them") {
    // From the highest address down, as QEMU itself places devices.
    CHECK(transport_bus(0) == "virtio-mmio-bus.7");
    CHECK(transport_bus(transports - 1) == "virtio-mmio-bus.0");
}
