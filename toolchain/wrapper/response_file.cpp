// SPDX-License-Identifier: Apache-2.0
#include "toolchain/wrapper/response_file.hpp"

#include <fstream>
#include <iterator>

namespace husk::toolchain {
namespace {

constexpr int max_depth = 20;  // a file that names itself

void expand_into(std::vector<std::string>& result, const std::vector<std::string>& arguments, int depth) {
    for (const std::string& argument : arguments) {
        if (argument.size() > 1 && argument[0] == '@' && depth < max_depth) {
            if (std::ifstream in(argument.substr(1), std::ios::binary); in) {
                const std::string text{std::istreambuf_iterator<char>(in), {}};
                expand_into(result, split_response(text), depth + 1);
                continue;
            }
        }
        result.push_back(argument);
    }
}

}  // namespace

std::vector<std::string> split_response(const std::string& text) {
    std::vector<std::string> result;
    std::string current;
    bool inside = false;
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\\' && i + 1 < text.size()) {
            current += text[++i];
            inside = true;
        } else if (quote != 0) {
            if (c == quote) {
                quote = 0;
            } else {
                current += c;
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
            inside = true;
        } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
            if (inside) result.push_back(current);
            current.clear();
            inside = false;
        } else {
            current += c;
            inside = true;
        }
    }
    if (inside) result.push_back(current);
    return result;
}

std::vector<std::string> expand_response_files(const std::vector<std::string>& arguments) {
    std::vector<std::string> result;
    expand_into(result, arguments, 0);
    return result;
}

}  // namespace husk::toolchain
