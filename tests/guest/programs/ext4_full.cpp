// SPDX-License-Identifier: Apache-2.0
// A small disk's file system, argument 1, filled to the last block: ENOSPC, nothing lost, room again after a removal.
#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/guest/check.hpp"

using guest_test::check;
using guest_test::check_equal;
using guest_test::passed;

int main(int, char** argv) {
    std::string base = argv[1];
    std::vector<char> piece(1 << 16, 'p');
    int kept = open((base + "/kept").c_str(), O_RDWR | O_CREAT, 0600);
    check_equal(write(kept, piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
    int filler = open((base + "/filler").c_str(), O_RDWR | O_CREAT, 0600);
    ssize_t got = 0;
    long written = 0;
    while ((got = write(filler, piece.data(), piece.size())) > 0) written += got;
    check_equal(got, -1);
    check_equal(errno, ENOSPC);
    check_equal(lseek(filler, 0, SEEK_CUR), written);
    check_equal(fsync(filler), 0);
    passed("full");
    std::vector<char> back(piece.size());
    check_equal(pread(kept, back.data(), back.size(), 0), static_cast<ssize_t>(back.size()));
    check(back == piece);
    check_equal(unlink((base + "/filler").c_str()), 0);
    check_equal(close(filler), 0);
    check_equal(pwrite(kept, piece.data(), piece.size(), 1 << 20), static_cast<ssize_t>(piece.size()));
    check_equal(fsync(kept), 0);
    passed("room again");
}
