// SPDX-License-Identifier: Apache-2.0
#include "launcher/report/isolated.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/report/write_text.hpp"

namespace husk::report {

namespace {

// Crashes quietly, and ends by itself whatever it loops on.
void set_limits() {
    const rlimit no_core{0, 0};
    const rlimit cpu_seconds{isolated_seconds_max, isolated_seconds_max};
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_CPU, &cpu_seconds);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGPIPE}) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    alarm(2 * isolated_seconds_max);
}

[[noreturn]] void be_child(int to, const std::function<std::string()>& make_text) {
    set_limits();
    try {
        write_text(to, make_text());
    } catch (const std::exception&) {
        _exit(EXIT_FAILURE);
    }
    _exit(EXIT_SUCCESS);
}

std::string read_all(int from) {
    std::string text;
    std::array<char, 4096> bytes;
    while (text.size() < isolated_text_bytes_max) {
        const ssize_t got = read(from, bytes.data(), bytes.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return text;
}

}  // namespace

std::optional<std::string> run_isolated(const std::function<std::string()>& make_text) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) return std::nullopt;
    host::FileDescriptor from(ends[0]);
    host::FileDescriptor to(ends[1]);
    const pid_t child = fork();
    if (child < 0) return std::nullopt;
    if (child == 0) be_child(to.get(), make_text);

    to.close();
    std::string text = read_all(from.get());
    from.close();
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return std::nullopt;
    }
    const bool succeeded = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
    return succeeded ? std::optional(std::move(text)) : std::nullopt;
}

}  // namespace husk::report
