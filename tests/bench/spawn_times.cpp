// SPDX-License-Identifier: Apache-2.0
// Runs commands in turn, many rounds, and prints for each how long it took from spawn to end and its peak memory.
//
//   spawn_times ROUNDS COMMAND... [ ';' COMMAND... ]...
//   -> one line of JSON: [{"us": [...], "peak_kib": [...]}, ...], one object for each command
//
// Small and static itself, since a child's peak starts as that of the process it is spawned from.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr int warm_up_rounds = 3;

struct Command {
    std::vector<char*> words;  // null-terminated for posix_spawn
    std::vector<double> us;
    std::vector<long> peak_kib;
};

double now_us() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

std::vector<Command> split(char** words) {
    std::vector<Command> commands(1);
    for (; *words != nullptr; ++words) {
        if (std::strcmp(*words, ";") == 0) {
            commands.emplace_back();
        } else {
            commands.back().words.push_back(*words);
        }
    }
    for (Command& command : commands) command.words.push_back(nullptr);
    return commands;
}

void run(Command& command, const posix_spawn_file_actions_t& to_nowhere, bool counts) {
    pid_t child = 0;
    const double begin = now_us();
    if (posix_spawn(&child, command.words[0], &to_nowhere, nullptr, command.words.data(), environ) != 0) {
        std::perror(command.words[0]);
        std::exit(1);
    }
    int status = 0;
    rusage usage{};
    wait4(child, &status, 0, &usage);
    const double end = now_us();
    if (status != 0) {
        std::fprintf(stderr, "%s ended with wait status %#x\n", command.words[0], static_cast<unsigned>(status));
        std::exit(1);
    }
    if (!counts) return;
    command.us.push_back(end - begin);
    command.peak_kib.push_back(usage.ru_maxrss);
}

template <class Value>
void print_list(const char* name, const char* format, const std::vector<Value>& values) {
    std::printf("\"%s\": [", name);
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i != 0) std::printf(", ");
        std::printf(format, values[i]);
    }
    std::printf("]");
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 2 ? std::atoi(argv[1]) : 0;
    if (rounds < 1) {
        std::fputs("usage: spawn_times ROUNDS COMMAND... [ ';' COMMAND... ]...\n", stderr);
        return 64;
    }
    posix_spawn_file_actions_t to_nowhere;
    posix_spawn_file_actions_init(&to_nowhere);
    posix_spawn_file_actions_addopen(&to_nowhere, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&to_nowhere, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    std::vector<Command> commands = split(argv + 2);
    for (int round = -warm_up_rounds; round < rounds; ++round) {
        for (Command& command : commands) run(command, to_nowhere, round >= 0);
    }
    std::printf("[");
    for (std::size_t i = 0; i < commands.size(); ++i) {
        std::printf(i == 0 ? "{" : ", {");
        print_list("us", "%.1f", commands[i].us);
        std::printf(", ");
        print_list("peak_kib", "%ld", commands[i].peak_kib);
        std::printf("}");
    }
    std::puts("]");
}
