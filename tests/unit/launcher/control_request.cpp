// SPDX-License-Identifier: Apache-2.0
#include "launcher/control/request.hpp"

#include <doctest/doctest.h>

#include "launcher/control/vm_name.hpp"

using namespace husk;
using control::Action;

namespace {

std::string refusal_of(std::string_view line) {
    std::string wrong;
    return control::parse_request(line, wrong) ? "accepted" : wrong;
}

}  // namespace

TEST_CASE("a request that is written is read") {
    for (const Action action : {Action::info, Action::stats, Action::stop, Action::pause, Action::resume}) {
        std::string line = control::request_line({action, action == Action::stop});
        REQUIRE(line.ends_with('\n'));
        line.pop_back();
        std::string wrong;
        const auto request = control::parse_request(line, wrong);
        REQUIRE(request);
        CHECK(request->action == action);
        CHECK(request->force == (action == Action::stop));
    }
}

TEST_CASE("what is no request is refused with a sentence") {
    for (const std::string_view line : {"", "hello", "[]", "{", "3", "\"\\ud800\"", "[[[[[[[[[[]]]]]]]]]]"})
        CHECK(refusal_of(line) == "a request is a JSON object in one line");
    CHECK(refusal_of(std::string_view("{}\0", 3)) == "a request is a JSON object in one line");
    for (const std::string_view line : {"{}", R"({"do":"info"})", R"({"husk":2,"do":"info"})", R"({"husk":"1"})"})
        CHECK(refusal_of(line).find("version") != std::string::npos);
    for (const std::string_view line : {R"({"husk":1})", R"({"husk":1,"do":7})", R"({"husk":1,"do":"fly"})"})
        CHECK(refusal_of(line).find("\"do\" is") == 0);
    CHECK(refusal_of(R"({"husk":1,"do":"stop","force":1})").find("\"force\" is") == 0);
    CHECK(refusal_of(R"({"husk":1,"do":"stop","later":[1]})") == "accepted");
}

TEST_CASE("an error is one line of JSON whatever the sentence") {
    CHECK(control::error_line("a \"b\"\n") == "{\"husk\":1,\"ok\":false,\"error\":\"a \\\"b\\\"\\u000a\"}\n");
}

TEST_CASE("a name is made from any image") {
    CHECK(control::name_from_image("/srv/web") == "web");
    CHECK(control::name_from_image("my app:2") == "my-app-2");
    CHECK(control::name_from_image(".hidden") == "vm.hidden");
    CHECK(control::name_from_image("/") == "vm");
    CHECK(control::name_from_image(std::string(300, 'a')).size() == 40);
}
