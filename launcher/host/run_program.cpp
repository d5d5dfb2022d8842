// SPDX-License-Identifier: Apache-2.0
#include "launcher/host/run_program.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "launcher/host/errno_error.hpp"
#include "launcher/host/file_descriptor.hpp"

namespace husk::host {

namespace {

constexpr std::size_t kept_errors_bytes = 4096;
constexpr int signal_exit_base = 128;
constexpr int cannot_execute = 127;

// In the child, between fork and exec.
[[noreturn]] void become(const char* program, char* const* words, int errors, int inherited_fd) {
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(errors, STDERR_FILENO);
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    if (inherited_fd == inherited_descriptor) {
        ::fcntl(inherited_fd, F_SETFD, 0);
    } else if (inherited_fd >= 0) {
        ::dup2(inherited_fd, inherited_descriptor);
    }
    ::execv(program, words);
    ::_exit(cannot_execute);
}

std::string read_to_end(int fd) {
    std::string text;
    std::array<char, 1024> buffer;
    for (;;) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
        if (text.size() > kept_errors_bytes) text.erase(0, text.size() - kept_errors_bytes);
    }
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? signal_exit_base + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

std::optional<std::filesystem::path> find_program(std::string_view name) {
    const char* variable = std::getenv("PATH");
    std::string folders = variable != nullptr ? variable : "/usr/local/bin:/usr/bin:/bin";
    folders += ":/usr/sbin:/sbin";
    std::string_view left = folders;
    while (!left.empty()) {
        const std::string_view folder = left.substr(0, left.find(':'));
        left.remove_prefix(std::min(left.size(), folder.size() + 1));
        std::filesystem::path program = std::filesystem::path(folder.empty() ? "." : folder) / name;
        if (::access(program.c_str(), X_OK) == 0) return program;
    }
    return std::nullopt;
}

ProgramResult run_program(const std::filesystem::path& program, std::vector<std::string> arguments, int inherited_fd) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw errno_error("cannot make a pipe");
    const FileDescriptor reader(ends[0]);
    FileDescriptor writer(ends[1]);
    std::string name = program.native();
    std::vector<char*> words{name.data()};
    for (std::string& argument : arguments) words.push_back(argument.data());
    words.push_back(nullptr);
    const pid_t child = ::fork();
    if (child < 0) throw errno_error("cannot start " + name);
    if (child == 0) become(program.c_str(), words.data(), writer.get(), inherited_fd);
    writer.close();
    ProgramResult result;
    result.errors = read_to_end(reader.get());
    result.exit_status = wait_for(child);
    return result;
}

}  // namespace husk::host
