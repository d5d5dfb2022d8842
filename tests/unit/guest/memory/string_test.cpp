// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <vector>

#include <doctest/doctest.h>

extern "C" {
void* husk_memcpy(void* to, const void* from, std::size_t size);
void* husk_memmove(void* to, const void* from, std::size_t size);
void* husk_memset(void* to, int value, std::size_t size);
int husk_memcmp(const void* a, const void* b, std::size_t size);
void* husk_memchr(const void* in, int value, std::size_t size);
std::size_t husk_strlen(const char* text);
}

TEST_CASE("the runtime's memory functions do what the C library's do") {
    std::mt19937_64 random(3);
    for (int round = 0; round < 20000; ++round) {
        std::vector<unsigned char> bytes(1200);
        for (auto& byte : bytes) byte = static_cast<unsigned char>(random() % 4);
        std::vector<unsigned char> expected = bytes;
        std::size_t size = random() % (round % 2 == 0 ? 40 : 600);
        std::size_t from = random() % (bytes.size() - size);
        std::size_t to = random() % (bytes.size() - size);
        auto value = static_cast<int>(random() % 6);

        CHECK(husk_memcmp(&bytes[from], &bytes[to], size) == [&] {
            int sign = std::memcmp(&bytes[from], &bytes[to], size);
            return (sign > 0) - (sign < 0);
        }());
        CHECK(husk_memchr(&bytes[from], value, size) == std::memchr(&bytes[from], value, size));
        CHECK(husk_memmove(&bytes[to], &bytes[from], size) == &bytes[to]);
        std::memmove(&expected[to], &expected[from], size);
        REQUIRE(bytes == expected);
        husk_memset(&bytes[from], value, size);
        std::memset(&expected[from], value, size);
        REQUIRE(bytes == expected);
        std::vector<unsigned char> copy(size + 1);
        husk_memcpy(copy.data(), &bytes[from], size);
        REQUIRE(std::equal(copy.begin(), copy.end() - 1, bytes.begin() + static_cast<std::ptrdiff_t>(from)));
    }
    CHECK(husk_strlen("") == 0);
    CHECK(husk_strlen("page") == 4);
}
