// SPDX-License-Identifier: Apache-2.0
// Memory that several mappings share: MAP_SHARED of files and of nothing, memfd, msync; files and mappings agree.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

constexpr std::size_t page = 4096;

char* map_shared(int fd, std::size_t size, int flags = MAP_SHARED) {
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    check(at != MAP_FAILED);
    return static_cast<char*>(at);
}

void of_a_file() {
    char name[] = "/tmp/shared-XXXXXX";
    const int fd = mkstemp(name);
    check_equal(ftruncate(fd, 4 * page), 0);
    char* one = map_shared(fd, 4 * page);
    char* two = map_shared(fd, 4 * page);
    std::strcpy(one + page, "through one");
    check_equal(std::string(two + page), "through one");
    char text[16] = {};
    check_equal(pread(fd, text, 11, page), 11);
    check_equal(std::string(text), "through one");
    check_equal(pwrite(fd, "by write", 9, 2 * page), 9);
    check_equal(std::string(two + 2 * page), "by write");
    check_equal(msync(one, 4 * page, MS_SYNC), 0);
    check_equal(munmap(one, 4 * page), 0);
    close(fd);
    unlink(name);
    check_equal(std::string(two + page), "through one");  // lives as long as it is mapped
    check_equal(munmap(two, 4 * page), 0);
}

void of_nothing() {
    char* at = map_shared(-1, 2 * page, MAP_SHARED | MAP_ANONYMOUS);
    check(at[0] == 0);
    std::thread([=] { at[page] = 'x'; }).join();
    check(at[page] == 'x');
    check_equal(munmap(at, 2 * page), 0);
}

void of_a_memfd() {
    const int fd = memfd_create("mine", MFD_CLOEXEC);
    check(fd >= 0);
    check_equal(ftruncate(fd, page), 0);
    char* at = map_shared(fd, page);
    check_equal(write(fd, "memfd", 6), 6);
    check_equal(std::string(at), "memfd");
    struct stat status {};
    check_equal(fstat(fd, &status), 0);
    check_equal(status.st_size, static_cast<off_t>(page));
    munmap(at, page);
    close(fd);
}

void by_name() {
    const int fd = shm_open("/husk-test", O_RDWR | O_CREAT | O_EXCL, 0600);
    check(fd >= 0);
    check_equal(ftruncate(fd, page), 0);
    char* at = map_shared(fd, page);
    const int again = shm_open("/husk-test", O_RDWR, 0);
    check_equal(pwrite(again, "named", 6, 0), 6);
    check_equal(std::string(at), "named");
    close(again);
    close(fd);
    munmap(at, page);
    check_equal(shm_unlink("/husk-test"), 0);
}

}  // namespace

int main() {
    of_a_file();
    passed("shared mapping of a file");
    of_nothing();
    passed("shared anonymous mapping");
    of_a_memfd();
    passed("memfd");
    by_name();
    passed("shm_open");
}
