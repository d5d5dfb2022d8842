// SPDX-License-Identifier: Apache-2.0
// Fills argv[1] MiB, says "full", frees them when a line comes, says "freed", and at the next line takes and checks
// fresh memory, which must be 0. Others look meanwhile how much memory the VM has.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static char* map(size_t size_bytes) {
    char* memory = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) exit(2);
    return memory;
}

static void say_and_wait(const char* word) {
    char line[16];
    puts(word);
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) exit(3);
}

int main(int argc, char** argv) {
    const size_t size_bytes = (size_t)(argc > 1 ? atoi(argv[1]) : 16) << 20;
    char* memory = map(size_bytes);
    memset(memory, 0x5a, size_bytes);
    say_and_wait("full");
    munmap(memory, size_bytes);
    say_and_wait("freed");
    memory = map(size_bytes);
    for (size_t i = 0; i < size_bytes; i += sizeof(long)) {
        if (*(long*)(memory + i) != 0) return 1;
        *(long*)(memory + i) = (long)i + 1;
    }
    for (size_t i = 0; i < size_bytes; i += sizeof(long)) {
        if (*(long*)(memory + i) != (long)i + 1) return 1;
    }
    puts("again");
    return 0;
}
