// SPDX-License-Identifier: Apache-2.0
// The smallest C program.
#include <stdio.h>

int main(void) {
    puts("hello from C");
    return 0;
}
