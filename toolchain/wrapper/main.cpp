// SPDX-License-Identifier: Apache-2.0
// husk-cc, husk-c++: an ordinary compiler whose executables are images. The name it is called by says which language.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "toolchain/wrapper/arguments.hpp"
#include "toolchain/wrapper/compiler_command.hpp"
#include "toolchain/wrapper/installation.hpp"
#include "toolchain/wrapper/response_file.hpp"

namespace {

using namespace husk::toolchain;

constexpr int exit_usage = 2;
constexpr int exit_not_found = 127;

int run(const Arguments& command) {
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    pid_t child = 0;
    if (const int failure = posix_spawnp(&child, words[0], nullptr, nullptr, words.data(), environ); failure != 0) {
        std::fprintf(stderr, "husk-cc: %s cannot be started: %s\n", words[0], std::strerror(failure));
        return exit_not_found;
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Arguments real_compiler(bool is_cxx) {
    const char* chosen = std::getenv(is_cxx ? "HUSK_REAL_CXX" : "HUSK_REAL_CC");
    if (chosen != nullptr && *chosen != '\0') return split_response(chosen);
    return {is_cxx ? "g++" : "gcc"};
}

int finish_image(const Request& request, const Installation& installation) {
    std::error_code ignored;
    if (request.dry_run || !std::filesystem::is_regular_file(request.output, ignored)) return 0;
    const int result = run({installation.image_tool.string(), request.output.string()});
    if (result != 0) {
        std::filesystem::remove(request.output, ignored);
        return result;
    }
    return request.strip ? run({"strip", request.output.string()}) : 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string name = std::filesystem::path(argv[0]).filename().string();
    const bool is_cxx = name.find("++") != std::string::npos;
    const Request request = read_request(Arguments(argv + 1, argv + argc));
    if (!request.refusal.empty()) {
        std::fprintf(stderr, "%s: %s\n", name.c_str(), request.refusal.c_str());
        return exit_usage;
    }
    std::error_code failure;
    const Installation installation = Installation::around(std::filesystem::read_symlink("/proc/self/exe", failure));
    if (request.action == Action::link && !std::filesystem::exists(installation.guest_object, failure)) {
        std::fprintf(stderr, "%s: %s is missing: install Husk again\n", name.c_str(),
                     installation.guest_object.c_str());
        return exit_usage;
    }
    const int result = run(compiler_command(real_compiler(is_cxx), request, installation));
    return result == 0 && request.action == Action::link ? finish_image(request, installation) : result;
}
