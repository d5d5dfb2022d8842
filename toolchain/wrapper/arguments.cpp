// SPDX-License-Identifier: Apache-2.0
#include "toolchain/wrapper/arguments.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "toolchain/wrapper/response_file.hpp"

namespace husk::toolchain {
namespace {

using namespace std::string_view_literals;

template <std::size_t n>
bool is_one_of(std::string_view word, const std::array<std::string_view, n>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

// Options whose argument is the next word.
constexpr std::array takes_next{"-o"sv,
                                "-x"sv,
                                "-I"sv,
                                "-D"sv,
                                "-U"sv,
                                "-L"sv,
                                "-l"sv,
                                "-T"sv,
                                "-u"sv,
                                "-z"sv,
                                "-e"sv,
                                "-B"sv,
                                "-A"sv,
                                "-include"sv,
                                "-imacros"sv,
                                "-isystem"sv,
                                "-iquote"sv,
                                "-idirafter"sv,
                                "-iprefix"sv,
                                "-iwithprefix"sv,
                                "-isysroot"sv,
                                "-iwithprefixbefore"sv,
                                "-imultilib"sv,
                                "-MF"sv,
                                "-MT"sv,
                                "-MQ"sv,
                                "-MJ"sv,
                                "-Xlinker"sv,
                                "-Xassembler"sv,
                                "-Xpreprocessor"sv,
                                "-Xclang"sv,
                                "-mllvm"sv,
                                "--param"sv,
                                "-aux-info"sv,
                                "-dumpbase"sv,
                                "-dumpdir"sv,
                                "-dumpbase-ext"sv,
                                "-wrapper"sv,
                                "-specs"sv,
                                "--specs"sv,
                                "-target"sv,
                                "--sysroot"sv,
                                "--entry"sv,
                                "--output"sv,
                                "--language"sv,
                                "-G"sv,
                                "-arch"sv};
constexpr std::array stops_before_linking{
    "-c"sv,        "-S"sv,         "-E"sv,           "-M"sv,        "-MM"sv,       "-fsyntax-only"sv,
    "--compile"sv, "--assemble"sv, "--preprocess"sv, "-emit-ast"sv, "--analyze"sv, "--precompile"sv};
constexpr std::array only_informs{"--version"sv,    "--help"sv,           "--target-help"sv, "-dumpmachine"sv,
                                  "-dumpversion"sv, "-dumpfullversion"sv, "-dumpspecs"sv};
constexpr std::array makes_no_image{"-r"sv,     "-nostdlib"sv,         "-nostartfiles"sv, "--no-standard-libraries"sv,
                                    "-Wl,-r"sv, "-Wl,--relocatable"sv, "-Wl,-i"sv};
constexpr std::array wants_strip{"-s"sv, "--strip-all"sv};
constexpr std::array wants_shared_libraries{"-Bdynamic"sv, "-dy"sv, "-call_shared"sv};
constexpr std::array makes_shared{"-shared"sv, "--shared"sv, "-Bshareable"sv};
constexpr std::array makes_pie{"-pie"sv,        "--pie"sv,       "-pic-executable"sv, "--pic-executable"sv,
                               "-static-pie"sv, "--static-pie"sv};

constexpr char no_shared[] = "-shared: an image is one static program; build static libraries instead";
constexpr char no_pie[] = "-pie: an image lies at fixed addresses; leave out -pie and -static-pie";
constexpr char no_32_bit[] = "images are 64-bit x86 programs; leave out -m32, -mx32 and -m16";

bool is_header(std::string_view name) {
    const auto dot = name.rfind('.');
    const std::string_view extension = dot == name.npos ? ""sv : name.substr(dot);
    return is_one_of(extension, std::array{".h"sv, ".hh"sv, ".hpp"sv, ".hxx"sv, ".H"sv, ".h++"sv});
}

class Reader {
public:
    explicit Reader(Arguments words) : words_(std::move(words)) {}

    Request run() {
        for (at_ = 0; at_ < words_.size(); ++at_) read_word();
        Request& r = request_;
        r.action = what_to_do();
        if (r.action == Action::pass) r.refusal = {};
        // -shared with -c says nothing
        if (r.action == Action::compile && r.refusal != no_32_bit) r.refusal = {};
        if (r.action != Action::link) r.arguments = words_;
        if (r.output.empty()) r.output = "a.out";
        return std::move(r);
    }

    // Is every word that came in also handed on?
    [[nodiscard]] bool kept_all() const { return kept_all_; }

private:
    [[nodiscard]] Action what_to_do() const {
        if (informs_ || (inputs_ == 0 && !links_library_)) return Action::pass;
        if (stops_ || (inputs_ > 0 && headers_ == inputs_)) return Action::compile;
        if (no_image_ && request_.refusal != no_shared) return Action::pass;
        return Action::link;
    }

    void read_word() {
        const std::string& word = words_[at_];
        if (word.starts_with("-Wl,")) return read_linker_list(word);
        if (word == "-Xlinker" && at_ + 1 < words_.size()) return read_linker_word();
        if (is_one_of(word, wants_strip)) {
            request_.strip = true;
            kept_all_ = false;
            return;
        }
        if (is_one_of(word, stops_before_linking)) stops_ = true;
        if (is_one_of(word, only_informs) || word.starts_with("-print-") || word.starts_with("--print-") ||
            word.starts_with("--help=")) {
            informs_ = true;
        }
        if (is_one_of(word, makes_no_image)) no_image_ = true;
        if (word == "-###") request_.dry_run = true;
        if (is_one_of(word, makes_shared)) request_.refusal = no_shared;
        if (is_one_of(word, makes_pie)) request_.refusal = no_pie;
        if (is_one_of(word, std::array{"-m32"sv, "-mx32"sv, "-m16"sv})) request_.refusal = no_32_bit;
        if (word.starts_with("-l")) links_library_ = true;
        const bool has_value = is_one_of(word, takes_next) && at_ + 1 < words_.size();
        if (word == "-o" || word == "--output") {
            if (has_value) request_.output = words_[at_ + 1];
        } else if (word.starts_with("-o") && word.size() > 2) {
            request_.output = word.substr(2);
        } else if (word.starts_with("--output=")) {
            request_.output = word.substr(9);
        }
        const std::string_view language = word == "-x" && has_value ? std::string_view(words_[at_ + 1])
                                          : word.starts_with("-x")  ? std::string_view(word).substr(2)
                                                                    : ""sv;
        if (!language.empty()) header_language_ = language.ends_with("-header");
        if (word == "-" || !word.starts_with('-')) {
            ++inputs_;
            if (header_language_ || is_header(word)) ++headers_;
        }
        keep(word);
        if (has_value) keep(words_[++at_]);
    }

    // -Wl,a,b,c with the parts that must go taken out.
    void read_linker_list(const std::string& word) {
        if (is_one_of(word, makes_no_image)) no_image_ = true;
        std::string kept = "-Wl";
        for (std::size_t begin = 4; begin <= word.size();) {
            const std::size_t end = std::min(word.find(',', begin), word.size());
            const std::string part = word.substr(begin, end - begin);
            if (keeps_linker_option(part)) kept += "," + part;
            begin = end + 1;
        }
        if (kept != "-Wl") keep(kept);
    }

    void read_linker_word() {
        if (!keeps_linker_option(words_[at_ + 1])) {
            ++at_;
            return;
        }
        keep(words_[at_]);
        keep(words_[++at_]);
    }

    bool keeps_linker_option(std::string_view option) {
        if (is_one_of(option, makes_shared)) request_.refusal = no_shared;
        if (is_one_of(option, makes_pie)) request_.refusal = no_pie;
        const bool strips = is_one_of(option, wants_strip);
        if (strips) request_.strip = true;
        const bool goes = strips || is_one_of(option, wants_shared_libraries);
        if (goes) kept_all_ = false;
        return !goes;
    }

    void keep(const std::string& word) { request_.arguments.push_back(word); }

    Arguments words_;
    std::size_t at_ = 0;
    Request request_;
    std::size_t inputs_ = 0;
    std::size_t headers_ = 0;
    bool header_language_ = false;
    bool links_library_ = false;
    bool stops_ = false;
    bool informs_ = false;
    bool no_image_ = false;
    bool kept_all_ = true;
};

}  // namespace

Request read_request(const Arguments& arguments) {
    Reader reader(expand_response_files(arguments));
    Request request = reader.run();
    if (request.action != Action::link || reader.kept_all()) request.arguments = arguments;
    return request;
}

}  // namespace husk::toolchain
