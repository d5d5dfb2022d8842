// SPDX-License-Identifier: Apache-2.0
// Prints the CPU's time-stamp counter at the first line of main: an iostream program like hello in all else.
#include <x86intrin.h>

#include <iostream>

int main() {
    const unsigned long long now = __rdtsc();
    std::cout << "{\"main_tsc\": " << now << "}" << std::endl;
}
