// SPDX-License-Identifier: Apache-2.0
// Prints its arguments, environment and working directory, one per line.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    std::printf("%d arguments\n", argc - 1);
    for (int i = 1; i < argc; ++i) std::printf("[%s]\n", argv[i]);
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
    std::sort(variables.begin(), variables.end());
    for (const std::string& variable : variables) std::printf("%s\n", variable.c_str());
    setenv("ADDED", "here", 1);
    std::printf("added: %s\n", std::getenv("ADDED"));
    std::printf("cwd: %s\n", std::filesystem::current_path().c_str());
    return argv[argc] == nullptr ? 0 : 1;
}
