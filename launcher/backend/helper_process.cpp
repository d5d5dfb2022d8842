// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/helper_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"
#include "launcher/host/file_descriptor.hpp"
#include "launcher/host/patience.hpp"

namespace husk::backend {

namespace {

using config::fill_in;

constexpr int child_socket = 3;

constexpr std::chrono::milliseconds longest_finish(3'500);  // a little longer than it takes itself
constexpr std::chrono::milliseconds look_around(100);       // how often the end of patience is looked for

struct SpawnActions {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    SpawnActions() {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
    }
    ~SpawnActions() {
        ::posix_spawn_file_actions_destroy(&actions);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;
};

}  // namespace

pid_t start_helper(const std::filesystem::path& program, std::vector<std::string> words, int socket) {
    SpawnActions spawned;
    ::posix_spawn_file_actions_addopen(&spawned.actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    ::posix_spawn_file_actions_adddup2(&spawned.actions, STDIN_FILENO, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&spawned.actions, socket, child_socket);
    // The terminal's ^C is for the application, through the launcher.
    ::posix_spawnattr_setflags(&spawned.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    sigset_t defaults;
    ::sigemptyset(&defaults);
    for (const int number : {SIGPIPE, SIGXFSZ}) ::sigaddset(&defaults, number);
    ::posix_spawnattr_setsigdefault(&spawned.attributes, &defaults);
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    pid_t pid = 0;
    const int error =
        ::posix_spawn(&pid, program.c_str(), &spawned.actions, &spawned.attributes, pointers.data(), environ);
    if (error != 0) {
        throw host::Error(host::ExitCode::user_network,
                          fill_in("cannot start {}: {}", program.native(), std::strerror(error)));
    }
    return pid;
}

std::optional<int> wait_for_helper(pid_t helper, std::chrono::milliseconds limit) {
    const host::FileDescriptor ending(static_cast<int>(::syscall(SYS_pidfd_open, helper, 0)));
    if (!ending.is_open()) return std::nullopt;
    pollfd ended{ending.get(), POLLIN, 0};
    static_cast<void>(::poll(&ended, 1, static_cast<int>(limit.count())));
    int status = 0;
    if (::waitpid(helper, &status, WNOHANG) != helper) return std::nullopt;
    return status;
}

void let_helper_finish(pid_t helper) {
    const auto end = std::chrono::steady_clock::now() + longest_finish;
    while (::waitpid(helper, nullptr, WNOHANG) == 0 && std::chrono::steady_clock::now() < end && host::has_patience())
        static_cast<void>(wait_for_helper(helper, look_around));
}

std::string describe_end(std::optional<int> status) {
    if (!status) return {};
    if (WIFSIGNALED(*status) && WTERMSIG(*status) == SIGSYS)
        return ", since its process did what its sandbox forbids (SIGSYS)";
    if (WIFSIGNALED(*status)) return fill_in(", since its process was ended by signal {}", WTERMSIG(*status));
    return fill_in(", since its process ended with exit code {}", WEXITSTATUS(*status));
}

}  // namespace husk::backend
