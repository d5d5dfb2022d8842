// SPDX-License-Identifier: Apache-2.0
#include "toolchain/wrapper/arguments.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "toolchain/wrapper/compiler_command.hpp"
#include "toolchain/wrapper/response_file.hpp"

using namespace husk::toolchain;

namespace {

bool contains(const Arguments& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

TEST_CASE("sources without -c are linked into a.out or what -o says") {
    CHECK(read_request({"a.c"}).action == Action::link);
    CHECK(read_request({"a.c"}).output == "a.out");
    CHECK(read_request({"a.o", "-o", "x", "b.o"}).output == "x");
    CHECK(read_request({"-ox", "a.o"}).output == "x");
    CHECK(read_request({"-x", "c", "-", "-o", "x"}).action == Action::link);
    CHECK(read_request({"-lfoo"}).action == Action::link);
}

TEST_CASE("-c, -S, -E, -M and header inputs stop before linking") {
    for (const char* stop : {"-c", "-S", "-E", "-M", "-MM", "-fsyntax-only"}) {
        CHECK(read_request({stop, "a.c"}).action == Action::compile);
    }
    CHECK(read_request({"a.hpp"}).action == Action::compile);
    CHECK(read_request({"-x", "c++-header", "a"}).action == Action::compile);
    CHECK(read_request({"-MMD", "a.c"}).action == Action::link);
}

TEST_CASE("questions and links that make no executable pass as they are") {
    CHECK(read_request({"--version"}).action == Action::pass);
    CHECK(read_request({"-v"}).action == Action::pass);
    CHECK(read_request({"-print-file-name=libc.a"}).action == Action::pass);
    CHECK(read_request({"-dumpmachine"}).action == Action::pass);
    CHECK(read_request({"-r", "a.o", "-o", "b.o"}).action == Action::pass);
    CHECK(read_request({"-nostdlib", "a.o"}).action == Action::pass);
    CHECK(read_request({"-nostartfiles", "a.o"}).action == Action::pass);
    CHECK(read_request({}).action == Action::pass);
}

TEST_CASE("the value of an option is not an input") {
    CHECK(read_request({"-I", "c", "-D", "x"}).action == Action::pass);
    CHECK(read_request({"-o", "-c", "a.c"}).action == Action::link);
    CHECK(read_request({"-include", "-shared", "a.c"}).refusal.empty());
}

TEST_CASE("shared libraries, position-independent and 32-bit programs are refused in a sentence") {
    CHECK_FALSE(read_request({"-shared", "a.c"}).refusal.empty());
    CHECK_FALSE(read_request({"-pie", "a.c"}).refusal.empty());
    CHECK_FALSE(read_request({"-static-pie", "a.c"}).refusal.empty());
    CHECK_FALSE(read_request({"-Wl,-shared", "a.c"}).refusal.empty());
    CHECK_FALSE(read_request({"-Xlinker", "-pie", "a.c"}).refusal.empty());
    CHECK_FALSE(read_request({"-m32", "-c", "a.c"}).refusal.empty());
    CHECK_FALSE(read_request({"-shared", "-nostdlib", "a.o"}).refusal.empty());
    CHECK(read_request({"-shared", "-c", "a.c"}).refusal.empty());
    CHECK(read_request({"-fPIE", "-no-pie", "a.c"}).refusal.empty());
}

TEST_CASE("stripping is put off and dynamic search is dropped") {
    const auto request =
        read_request({"-s", "a.o", "-Wl,-O1,-Bdynamic,--as-needed", "-Wl,-Bdynamic", "-Xlinker", "-s"});
    CHECK(request.strip);
    CHECK(request.arguments == Arguments{"a.o", "-Wl,-O1,--as-needed"});
    CHECK(read_request({"-c", "-s", "a.c"}).arguments == Arguments{"-c", "-s", "a.c"});
}

TEST_CASE("response files are split as gcc does") {
    CHECK(split_response("a  'b c' \"d\\\"e\"\n\tf\\ g ''") == Arguments{"a", "b c", "d\"e", "f g", ""});
    CHECK(split_response(" \n").empty());
}

TEST_CASE("response files are looked into, and kept unless something in them must go") {
    const auto path = std::filesystem::temp_directory_path() / ("husk-response-" + std::to_string(getpid()));
    const std::string at_file = std::string("@").append(path.string());
    std::ofstream(path) << "-o 'out put' a.o";
    auto request = read_request({at_file});
    CHECK(request.action == Action::link);
    CHECK(request.output == "out put");
    CHECK(request.arguments == Arguments{at_file});
    std::ofstream(path) << "-s a.o";
    request = read_request({at_file});
    CHECK(request.strip);
    CHECK(request.arguments == Arguments{"a.o"});
    std::ofstream(path) << "a.o @" << path.string();
    CHECK(read_request({at_file}).action == Action::link);  // ends
    std::filesystem::remove(path);
    CHECK(expand_response_files({"@/does/not/exist"}) == Arguments{"@/does/not/exist"});
}

TEST_CASE("a link takes crtbegin.o, keeps relocations and puts the runtime in front") {
    const Installation where = Installation::around("/prefix/bin/husk-cc");
    CHECK(where.guest_object == "/prefix/lib/husk/husk_guest.o");
    const auto command = compiler_command({"ccache", "g++"}, read_request({"a.o"}), where);
    CHECK(Arguments(command.begin(), command.begin() + 2) == Arguments{"ccache", "g++"});
    CHECK(contains(command, "-static"));
    CHECK(contains(command, "-specs=/prefix/lib/husk/husk.specs"));
    CHECK(contains(command, "-Wl,--emit-relocs"));
    CHECK(contains(command, "-T/prefix/lib/husk/image.ld"));
    const auto object = std::find(command.begin(), command.end(), "/prefix/lib/husk/husk_guest.o");
    CHECK(object < std::find(command.begin(), command.end(), "a.o"));
    CHECK(compiler_command({"gcc"}, read_request({"-c", "a.c"}), where) == Arguments{"gcc", "-fno-pie", "-c", "a.c"});
    CHECK(compiler_command({"gcc"}, read_request({"-v"}), where) == Arguments{"gcc", "-v"});
    CHECK_FALSE(contains(compiler_command({"clang++-14"}, read_request({"a.o"}), where), "-static"));
}
