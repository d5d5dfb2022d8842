// SPDX-License-Identifier: Apache-2.0
// What programs ask about a disk, argument 1: its number, its ioctls, its files in /sys.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "tests/guest/check.hpp"

using guest_test::check;
using guest_test::check_equal;
using guest_test::check_fails;

namespace {

std::string line_of(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    check(static_cast<bool>(std::getline(file, line)));
    return line;
}

}  // namespace

int main(int, char** argv) {
    const int fd = open(argv[1], O_RDWR);
    check(fd >= 0);
    struct stat status = {};
    check_equal(fstat(fd, &status), 0);
    check(S_ISBLK(status.st_mode));
    std::printf("block %u:%u\n", major(status.st_rdev), minor(status.st_rdev));

    std::uint64_t bytes = 0;
    unsigned long sectors = 0;
    int sector_bytes = 0, read_only = -1;
    unsigned physical_bytes = 0;
    check_equal(ioctl(fd, BLKGETSIZE64, &bytes), 0);
    check_equal(ioctl(fd, BLKGETSIZE, &sectors), 0);
    check_equal(ioctl(fd, BLKSSZGET, &sector_bytes), 0);
    check_equal(ioctl(fd, BLKPBSZGET, &physical_bytes), 0);
    check_equal(ioctl(fd, BLKROGET, &read_only), 0);
    check_equal(sectors * 512, bytes);
    check(physical_bytes >= static_cast<unsigned>(sector_bytes) && physical_bytes <= 4096);
    std::printf("%lu bytes, blocks of %d to 4096, %s\n", bytes, sector_bytes,
                read_only != 0 ? "read-only" : "writable");
    check_equal(ioctl(fd, BLKFLSBUF, 0), 0);
    std::uint64_t range[2] = {bytes, 4096};
    check_fails(ioctl(fd, BLKDISCARD, range), EINVAL);
    char byte = 1;
    check_fails(pwrite(fd, &byte, 1, static_cast<off_t>(bytes)), ENOSPC);
    close(fd);

    std::printf("size %s\n", line_of("/sys/block/vda/size").c_str());
    std::printf("ro %s\n", line_of("/sys/block/vda/ro").c_str());
    check_equal(std::stoi(line_of("/sys/block/vda/queue/logical_block_size")), sector_bytes);
    check_fails(access("/sys/block/vdb", F_OK), ENOENT);
    std::ifstream partitions("/proc/partitions");
    std::string word, last;
    while (partitions >> word) last = word;
    check(last == "vda");
}
