// SPDX-License-Identifier: Apache-2.0
// One application per VM: fork, vfork, posix_spawn, system and exec fail with ENOSYS. Not a test for Linux itself.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/guest/check.hpp"

using namespace guest_test;

int main() {
    check_fails(fork(), ENOSYS);
    passed("fork");
    char name[] = "/bin/true";
    char* arguments[] = {name, nullptr};
    check_fails(execv(name, arguments), ENOSYS);
    passed("exec");
    pid_t child = 0;
    check_equal(posix_spawn(&child, name, nullptr, nullptr, arguments, environ), ENOSYS);
    passed("posix_spawn");
    check(std::system("true") != 0);
    passed("system");
    check_fails(waitpid(-1, nullptr, 0), ECHILD);
    passed("wait");
}
