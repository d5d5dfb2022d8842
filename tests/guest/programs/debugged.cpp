// SPDX-License-Identifier: Apache-2.0
// What a debugger is tried on: functions to break in, a variable that changes, threads, vector registers, a loop to
// interrupt. It ends once the debugger says so.
#include <pthread.h>
#include <unistd.h>

#include <cstdio>

volatile int watched = 0;
volatile bool go_on = false;

int twice(int number) {
    watched = number;
    return 2 * number;
}

void fill_vector() {
    float values[8] = {1, 2, 3, 4, 5, 6, 7, 8.5F};
    asm volatile("vmovups %0, %%ymm7" ::"m"(values) : "xmm7");
    asm volatile("vector_is_full: nop");
}

void* wait_for_nothing(void*) {
    pause();
    return nullptr;
}

int main() {
    std::puts("begin");
    int sum = twice(20);
    sum += twice(1);
    fill_vector();
    pthread_t thread;
    pthread_create(&thread, nullptr, wait_for_nothing, nullptr);
    std::puts("loop");
    std::fflush(stdout);
    while (!go_on) {
    }
    std::printf("sum %d\n", sum);
    return 7;
}
