// SPDX-License-Identifier: Apache-2.0
#include "launcher/profile/sample.hpp"

#include <doctest/doctest.h>
#include <dwarf.h>

#include "launcher/profile/profile_text.hpp"
#include "launcher/profile/sample_frames.hpp"

using namespace husk;
using namespace husk::profile;

namespace {

constexpr RuntimeText runtime{0x9000, 0xa000};

std::string words(std::initializer_list<std::uint64_t> values) {
    return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(std::uint64_t)};
}

// Every function has a frame of `bytes`: its return address is the last word of it.
std::optional<report::FrameRules> rules_with_frame_of(std::uint64_t bytes) {
    report::FrameRules rules;
    rules.cfa = {{DW_OP_breg7, bytes, 0}};
    for (report::RegisterRule& rule : rules.registers) rule.kind = report::RegisterRule::Kind::same;
    rules.registers[report::dwarf_register::rip] = {
        report::RegisterRule::Kind::at_address,
        {{DW_OP_call_frame_cfa, 0, 0}, {DW_OP_plus_uconst, static_cast<std::uint64_t>(-8), 0}}};
    return rules;
}

std::string name_of(std::uint64_t pc) { return "f" + std::to_string(pc >> 8); }

std::optional<report::FrameRules> find_rules(std::uint64_t pc) {
    if (pc < 0x1000 || pc >= 0x9f00) return std::nullopt;  // the entry code at 0x9f00 has none
    return rules_with_frame_of(16);
}

Sample sample_in_application() {
    Sample sample;
    sample.tid = 3;
    sample.thread_name = "worker";
    sample.registers.rip = 0x1100;
    sample.registers.rsp = 0x5000;
    // Called from 0x1201, that from 0x1301, and that from nowhere.
    sample.application_stack = {0x5000, words({0, 0x1201, 0, 0x1301, 0, 0})};
    return sample;
}

}  // namespace

TEST_CASE("a sample of the application is its chain of calls below the thread's name") {
    CHECK(frames_of(sample_in_application(), runtime, find_rules, name_of) ==
          std::vector<std::string>{"worker", "f19", "f18", "f17"});
}

TEST_CASE("a sample of the runtime has the application's calls below the runtime's") {
    Sample sample = sample_in_application();
    sample.entered = sample.registers;
    sample.is_in_runtime = true;
    sample.registers.rip = 0x9100;
    sample.registers.rsp = 0x8000;
    sample.registers.rbp = 0x8008;  // what seems a frame is the application's own value
    sample.runtime_stack = {0x8000, words({0, 0x9201, 0, 0x9f01, 0x8100, 0x1234})};
    CHECK(frames_of(sample, runtime, find_rules, name_of) ==
          std::vector<std::string>{"worker", "f19", "f18", "f17", "[husk] f159", "[husk] f146", "[husk] f145"});
    sample.tid = 0;
    sample.entered.reset();
    CHECK(frames_of(sample, runtime, find_rules, name_of).front() == "[husk]");
}

TEST_CASE("a sample survives its way to another process, and nonsense does not") {
    Sample sample = sample_in_application();
    sample.entered = sample.registers;
    sample.entered->rax = 7;
    sample.runtime_stack = {0x8000, "0123456789"};
    const std::string bytes = encode(sample);
    const auto again = decode(bytes);
    REQUIRE(again);
    CHECK(again->thread_name == "worker");
    CHECK(again->tid == 3);
    CHECK(again->entered->rax == 7);
    CHECK(again->runtime_stack.bytes == "0123456789");
    CHECK(again->try_word(0x5008) == 0x1201);
    CHECK(!again->try_word(0x5029));
    CHECK(!decode(std::string_view(bytes).substr(0, 40)));
    CHECK(!decode(""));
}

TEST_CASE("a profile is folded by its calls, and reports shares of threads and functions") {
    Profile profile;
    for (int i = 0; i < 7; ++i) profile.add({"app", "main", "seven"});
    for (int i = 0; i < 2; ++i) profile.add({"app", "main", "three;\n", "main"});
    profile.add({"other"});
    CHECK(folded_text(profile) == "app;main;seven 7\napp;main;three: ;main 2\nother 1\n");
    CHECK(report_text(profile, 10'000'000) ==
          "10 samples, 100 a second while a virtual CPU works: about 100 ms\n\nthreads\n"
          "  90.0 %  app\n  10.0 %  other\n\nfunctions: by themselves, and with what they called\n"
          "  70.0 %  70.0 %  seven\n  20.0 %  90.0 %  main\n  10.0 %   0.0 %  other\n   0.0 %  20.0 %  three: \n");
}
