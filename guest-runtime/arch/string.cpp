// SPDX-License-Identifier: Apache-2.0
// The runtime's own mem* functions: glibc's are chosen by code that has not run yet, and compilers call these by name.
#include <cstddef>
#include <cstdint>

// Otherwise the compiler would turn the loops below into calls of the functions they implement.
#pragma GCC optimize("no-tree-loop-distribute-patterns")

namespace {

// From here on `rep movsb` and `rep stosb` beat a loop of words.
constexpr std::size_t string_instruction_bytes = 256;

std::uint64_t load_word(const char* from) {
    std::uint64_t word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}
void store_word(char* to, std::uint64_t word) { __builtin_memcpy(to, &word, sizeof word); }

}  // namespace

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, std::size_t size) {
    auto* out = static_cast<char*>(to);
    const auto* in = static_cast<const char*>(from);
    if (size >= string_instruction_bytes) {
        asm volatile("rep movsb" : "+D"(out), "+S"(in), "+c"(size) : : "memory");
        return to;
    }
    if (size >= 8) {
        std::uint64_t last = load_word(in + size - 8);
        char* last_place = out + size - 8;
        for (; size > 8; size -= 8, in += 8, out += 8) store_word(out, load_word(in));
        store_word(last_place, last);
        return to;
    }
    for (; size != 0; --size) *out++ = *in++;
    return to;
}

void* memmove(void* to, const void* from, std::size_t size) {
    auto* out = static_cast<char*>(to);
    const auto* in = static_cast<const char*>(from);
    // Forward is right when the target begins outside the source or below it.
    if (reinterpret_cast<std::uintptr_t>(out) - reinterpret_cast<std::uintptr_t>(in) >= size) {
        if (size >= string_instruction_bytes) {
            asm volatile("rep movsb" : "+D"(out), "+S"(in), "+c"(size) : : "memory");
            return to;
        }
        for (; size >= 8; size -= 8, in += 8, out += 8) store_word(out, load_word(in));
        for (; size != 0; --size) *out++ = *in++;
        return to;
    }
    for (; size >= 8; size -= 8) store_word(out + size - 8, load_word(in + size - 8));
    for (; size != 0; --size) out[size - 1] = in[size - 1];
    return to;
}

void* memset(void* to, int value, std::size_t size) {
    auto* out = static_cast<char*>(to);
    if (size >= string_instruction_bytes) {
        asm volatile("rep stosb" : "+D"(out), "+c"(size) : "a"(value) : "memory");
        return to;
    }
    std::uint64_t word = static_cast<unsigned char>(value) * 0x0101'0101'0101'0101ull;
    if (size >= 8) store_word(out + size - 8, word);
    for (; size >= 8; size -= 8, out += 8) store_word(out, word);
    for (; size != 0; --size) *out++ = static_cast<char>(value);
    return to;
}

int memcmp(const void* a, const void* b, std::size_t size) {
    const auto* left = static_cast<const char*>(a);
    const auto* right = static_cast<const char*>(b);
    for (; size >= 8; size -= 8, left += 8, right += 8) {
        std::uint64_t x = load_word(left);
        std::uint64_t y = load_word(right);
        if (x != y) return __builtin_bswap64(x) < __builtin_bswap64(y) ? -1 : 1;
    }
    for (; size != 0; --size, ++left, ++right) {
        if (*left != *right) return static_cast<unsigned char>(*left) < static_cast<unsigned char>(*right) ? -1 : 1;
    }
    return 0;
}

void* memchr(const void* in, int value, std::size_t size) {
    const auto* at = static_cast<const unsigned char*>(in);
    for (; size != 0; --size, ++at) {
        if (*at == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(at);
    }
    return nullptr;
}

std::size_t strlen(const char* text) {
    const char* end = text;
    while (*end != 0) ++end;
    return static_cast<std::size_t>(end - text);
}

}  // extern "C"
