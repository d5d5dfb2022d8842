// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/text.hpp"

#include <doctest/doctest.h>

#include <array>

#include "launcher/config/json_text.hpp"
#include "launcher/config/nearest_name.hpp"

using namespace husk::config;

TEST_CASE("values fill the holes of a text in order") {
    CHECK(fill_in("a {} b {} c", 1, "two") == "a 1 b two c");
    CHECK(fill_in("at {}", Hex{0xdeadbeef}) == "at 0xdeadbeef");
    CHECK(fill_in("more values than holes {}", 1, 2) == "more values than holes 1");
    CHECK(fill_in("{} is not filled again", "{}") == "{} is not filled again");
}

TEST_CASE("the edit distance counts insertions, deletions, substitutions and swaps") {
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("memory", "memory") == 0);
    CHECK(edit_distance("memroy", "memory") == 1);
    CHECK(edit_distance("mem", "memory") == 3);
    CHECK(edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("only a near name is suggested") {
    static constexpr std::array<std::string_view, 3> names{"memory", "cwd", "core"};
    CHECK(nearest_name("memry", names) == "memory");
    CHECK(nearest_name("cor", names) == "core");
    CHECK(nearest_name("bananas", names).empty());
    CHECK(nearest_name(std::string(100'000, 'm'), names).empty());
}

TEST_CASE("JSON escapes what must not stand in a string") {
    CHECK(quote_json("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\u000a\\u0001\"");
    JsonText json;
    json.begin_object().field("a", 1).key("b").begin_array().value("x").value(true).end_array().end_object();
    CHECK(json.text() == "{\"a\":1,\"b\":[\"x\",true]}");
}
