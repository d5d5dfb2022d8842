// SPDX-License-Identifier: Apache-2.0
// What a debugger is tried on when there are two vCPUs: a thread on each that comes by a function of its own again and
// again. It ends once the debugger says so. argv[1] "die": the second one dies instead.
#include <pthread.h>
#include <sched.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

volatile long visits[2] = {0, 0};
volatile int cpu_of[2] = {-1, -1};
volatile bool go_on = false;
volatile bool die = false;
volatile unsigned long low = 0x18;

void visit_first() { visits[0] = visits[0] + 1; }
void visit_second() {
    visits[1] = visits[1] + 1;
    if (die && visits[0] > 1000) *reinterpret_cast<volatile int*>(low) = 1;
}

void* work(void* argument) {
    const auto number = reinterpret_cast<std::intptr_t>(argument);
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(number), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) return nullptr;
    cpu_of[number] = sched_getcpu();
    while (!go_on) number == 0 ? visit_first() : visit_second();
    return nullptr;
}

int main(int argc, char** argv) {
    die = argc > 1 && std::strcmp(argv[1], "die") == 0;
    pthread_t second;
    pthread_create(&second, nullptr, work, reinterpret_cast<void*>(1));
    pthread_setname_np(second, "second");
    work(nullptr);
    pthread_join(second, nullptr);
    std::printf("cpus %d %d\n", cpu_of[0], cpu_of[1]);
    return 7;
}
