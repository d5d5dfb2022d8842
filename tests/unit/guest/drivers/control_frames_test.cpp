// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/drivers/control_frames.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

using husk::ControlFrames;
using Kind = ControlFrames::Kind;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

struct Outcome {
    std::string input;
    std::vector<int> signals;
    int ends = 0, answers = 0;
};

Outcome read(std::string_view bytes) {
    ControlFrames frames;
    Outcome outcome;
    for (char byte : bytes) {
        auto [kind, value] = frames.take(static_cast<std::uint8_t>(byte));
        if (kind == Kind::input_byte || kind == Kind::last_input_byte) outcome.input += static_cast<char>(value);
        if (kind == Kind::last_input_byte) ++outcome.answers;
        if (kind == Kind::end_of_input) ++outcome.ends;
        if (kind == Kind::signal) outcome.signals.push_back(value);
    }
    return outcome;
}

}  // namespace

TEST_CASE("frames of stdin and signals come apart, whatever bytes they hold") {
    Outcome outcome = read("I\3\0ISES\17I\1\0\nES\2"sv);
    CHECK(outcome.input == "ISE\n");
    CHECK(outcome.answers == 2);
    CHECK(outcome.signals == std::vector<int>{15, 2});
    CHECK(outcome.ends == 1);
}

TEST_CASE("a frame's length has two bytes") {
    std::string bytes = "I\x2c\x01"s + std::string(300, 'x') + "E";
    Outcome outcome = read(bytes);
    CHECK(outcome.input == std::string(300, 'x'));
    CHECK(outcome.ends == 1);
}

TEST_CASE("empty frames and bytes between frames are skipped") {
    Outcome outcome = read("xyI\0\0E..S\1"sv);
    CHECK(outcome.input.empty());
    CHECK(outcome.ends == 1);
    CHECK(outcome.signals == std::vector<int>{1});
}
