// SPDX-License-Identifier: Apache-2.0
#include "launcher/config/values.hpp"

#include <doctest/doctest.h>

using namespace husk::config;
using std::chrono::milliseconds;

TEST_CASE("sizes have binary units and do not wrap") {
    CHECK(parse_size("512M") == 512ull << 20);
    CHECK(parse_size("8G") == 8ull << 30);
    CHECK(parse_size("64k") == 64ull << 10);
    CHECK(parse_size("4096") == 4096);
    for (const char* text : {"", "M", "12X", "-1", "1.5G", "1 G", "18446744073709551616", "99999999999T", "1MB"}) {
        CHECK_FALSE(parse_size(text).has_value());
    }
}

TEST_CASE("times have units, and a number alone counts seconds") {
    CHECK(parse_duration("500ms") == milliseconds(500));
    CHECK(parse_duration("2s") == milliseconds(2000));
    CHECK(parse_duration("2") == milliseconds(2000));
    CHECK(parse_duration("1m") == milliseconds(60'000));
    for (const char* text : {"", "s", "1d", "-1s", "1e3", "99999999999999h"})
        CHECK_FALSE(parse_duration(text).has_value());
}

TEST_CASE("a later variable takes the place of an earlier one of its name") {
    std::vector<std::string> environment;
    set_environment(environment, "A=1");
    set_environment(environment, "AB=2");
    set_environment(environment, "A=3=4");
    CHECK(environment == std::vector<std::string>{"A=3=4", "AB=2"});
    CHECK(is_environment_entry("A="));
    CHECK_FALSE(is_environment_entry("=A"));
    CHECK_FALSE(is_environment_entry("A"));
}

TEST_CASE("host names are what Linux and DNS take") {
    const std::string longest_label(63, 'a');
    for (const std::string_view good : {"a", "web-1", "web-1.example.org", "1.2", longest_label.c_str()})
        CHECK(is_host_name(good));
    CHECK(is_host_name(std::string(32, 'a') + "." + std::string(31, 'b')));
    CHECK_FALSE(is_host_name(std::string(33, 'a') + "." + std::string(31, 'b')));
    CHECK_FALSE(is_host_name(longest_label + "a"));
    using namespace std::string_view_literals;
    for (const std::string_view bad :
         {""sv, "-a"sv, "a-"sv, ".a"sv, "a."sv, "a..b"sv, "a_b"sv, "a b"sv, "a\nb"sv, "a\0"sv, "\xc3\xa4"sv})
        CHECK_FALSE(is_host_name(bad));
}

TEST_CASE("numbers of virtual CPUs") {
    CHECK(parse_cpu_count("1") == 1u);
    CHECK(parse_cpu_count("64") == 64u);
    for (const std::string_view bad : {"", "0", "65", "-1", "+2", "2x", " 2", "two", "99999999999999999999"})
        CHECK_FALSE(parse_cpu_count(bad));
}

TEST_CASE("lists of CPUs") {
    using Cpus = std::vector<unsigned>;
    CHECK(parse_cpu_list("3") == Cpus{3});
    CHECK(parse_cpu_list("2,3,6-8") == Cpus{2, 3, 6, 7, 8});
    for (const std::string_view bad : {"", ",", "1,", "2-", "-1", "4-2", "a", "1 2", "70000", "0-99999999999"})
        CHECK_FALSE(parse_cpu_list(bad));
    CHECK(parse_node("0") == 0u);
    for (const std::string_view bad : {"", "-1", "1024", "1x"}) CHECK_FALSE(parse_node(bad));
}
