// SPDX-License-Identifier: Apache-2.0
// iostream formatting, the C locale, wide streams and character conversion.
#include <charconv>
#include <clocale>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <locale>
#include <regex>
#include <sstream>
#include <string>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

struct Thousands : std::numpunct<char> {
    char do_thousands_sep() const override { return '\''; }
    std::string do_grouping() const override { return "\3"; }
};

}  // namespace

int main() {
    std::cout << std::hex << std::showbase << 255 << ' ' << std::dec << std::setw(6) << std::setfill('.') << 42 << ' '
              << std::fixed << std::setprecision(3) << 3.14159 << ' ' << std::scientific << 12345.678 << ' '
              << std::boolalpha << true << '\n';
    check(std::locale().name() == "C");
    check(std::setlocale(LC_ALL, "") != nullptr);
    check(std::setlocale(LC_ALL, "xx_XX.UTF-8") == nullptr);
    try {
        const std::locale unknown("xx_XX.UTF-8");
        check(false);
    } catch (const std::runtime_error&) {
    }
    passed("unknown locale is refused");

    std::ostringstream grouped;
    grouped.imbue(std::locale(std::locale::classic(), new Thousands));
    grouped << 1234567;
    check_equal(grouped.str(), "1'234'567");
    passed("own facet");

    std::istringstream input("12 3.5 word 0x1f rest of line");
    int number = 0, hex = 0;
    double real = 0;
    std::string word, rest;
    input >> number >> real >> word >> std::hex >> hex;
    std::getline(input >> std::ws, rest);
    check(number == 12 && real == 3.5 && word == "word" && hex == 31 && rest == "rest of line");
    passed("parsing");

    std::tm date{};
    std::istringstream("2024-02-29 12:34:56") >> std::get_time(&date, "%Y-%m-%d %H:%M:%S");
    std::cout << std::put_time(&date, "%d.%m.%Y %H:%M") << '\n';
    check_equal(timegm(&date), 1709210096);
    passed("time formatting");

    std::wostringstream wide;
    wide << L"wide " << 7;
    check(wide.str() == L"wide 7");
    const std::regex pattern(R"((\w+)@(\w+)\.org)");
    std::smatch match;
    const std::string address = "someone@example.org";
    check(std::regex_match(address, match, pattern) && match[2] == "example");
    passed("wide streams and regex");

    char digits[64];
    const auto end = std::to_chars(digits, digits + sizeof digits, 0.1).ptr;
    check_equal(std::string(digits, end), "0.1");
    std::cerr << "on stderr\n";
    std::cout << std::setprecision(17) << std::defaultfloat << 0.1 << ' ' << 1e300 << std::endl;
}
