// SPDX-License-Identifier: Apache-2.0
// The runtime's own mem* functions: glibc's are chosen at start-up and not callable before.
#pragma once

#include <cstddef>

extern "C" {
void* memcpy(void* to, const void* from, std::size_t size_bytes);
void* memmove(void* to, const void* from, std::size_t size_bytes);
void* memset(void* to, int value, std::size_t size_bytes);
int memcmp(const void* a, const void* b, std::size_t size_bytes);
void* memchr(const void* memory, int value, std::size_t size_bytes);
std::size_t strlen(const char* text);
}
