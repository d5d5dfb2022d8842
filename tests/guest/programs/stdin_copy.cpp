// SPDX-License-Identifier: Apache-2.0
// Copies stdin to stdout unchanged by read and write, in pieces of argv[1] bytes.
#include <unistd.h>

#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
    std::vector<char> buffer(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 65536);
    for (;;) {
        const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
        if (got == 0) return 0;
        if (got < 0) return 1;
        for (ssize_t done = 0; done < got;) {
            const ssize_t put = write(STDOUT_FILENO, buffer.data() + done, static_cast<std::size_t>(got - done));
            if (put <= 0) return 2;
            done += put;
        }
    }
}
