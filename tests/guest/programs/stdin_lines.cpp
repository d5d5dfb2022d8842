// SPDX-License-Identifier: Apache-2.0
// Reads all of stdin by getline and prints how much there was, a checksum, and whether the end stays the end.
#include <cstdint>
#include <iostream>
#include <string>

int main() {
    std::ios::sync_with_stdio(false);
    std::uint64_t lines = 0, bytes = 0, hash = 14695981039346656037ull;
    for (std::string line; std::getline(std::cin, line); ++lines) {
        bytes += line.size();
        for (const char c : line) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    }
    std::cout << lines << " lines, " << bytes << " bytes, " << std::hex << hash << '\n';
    std::cin.clear();
    std::cout << (std::cin.get() == EOF ? "end" : "more") << '\n';
}
