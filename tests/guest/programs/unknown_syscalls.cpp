// SPDX-License-Identifier: Apache-2.0
// A system call that does not exist returns ENOSYS, and the program goes on.
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/guest/check.hpp"

using namespace guest_test;

int main() {
    const long numbers[] = {999l, 100000l, -5l, 0x7fff'ffffl};
    for (const long number : numbers) check_fails(syscall(number, 1, 2, 3), ENOSYS);
    passed("unknown numbers");
}
