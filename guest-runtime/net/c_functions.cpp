// SPDX-License-Identifier: Apache-2.0
// The few functions of the C library that lwIP calls, which the runtime has no other use for.
#include <cstddef>

extern "C" {

int strncmp(const char* a, const char* b, std::size_t most) {
    for (std::size_t i = 0; i < most; ++i) {
        if (a[i] != b[i]) return static_cast<unsigned char>(a[i]) - static_cast<unsigned char>(b[i]);
        if (a[i] == '\0') break;
    }
    return 0;
}

// For interface numbers in scoped addresses.
int atoi(const char* text) {
    int value = 0;
    for (; *text >= '0' && *text <= '9' && value < 1000; ++text) value = value * 10 + (*text - '0');
    return value;
}

}  // extern "C"
