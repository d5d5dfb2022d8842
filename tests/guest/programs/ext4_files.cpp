// SPDX-License-Identifier: Apache-2.0
// A directory on a disk's file system, argument 1: what programs do with files, names, attributes and mappings.
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "tests/guest/check.hpp"

using guest_test::check;
using guest_test::check_equal;
using guest_test::check_fails;
using guest_test::passed;

namespace {

std::string base;
std::string at(const std::string& name) { return base + "/" + name; }

void put(const std::string& name, const std::string& text, int flags = O_TRUNC) {
    int fd = open(at(name).c_str(), O_WRONLY | O_CREAT | flags, 0644);
    check(fd >= 0);
    check_equal(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    check_equal(close(fd), 0);
}

std::string get(const std::string& name) {
    int fd = open(at(name).c_str(), O_RDONLY);
    check(fd >= 0);
    std::string text;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(fd, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(got));
    close(fd);
    return text;
}

std::set<std::string> names_in(const std::string& name) {
    std::set<std::string> names;
    DIR* directory = opendir(at(name).c_str());
    check(directory != nullptr);
    while (dirent* entry = readdir(directory)) names.insert(entry->d_name);
    closedir(directory);
    return names;
}

void contents() {
    std::string large;
    for (int i = 0; i < 40000; ++i) large += std::to_string(i) + " ";
    put("large", large);
    check_equal(get("large"), large);
    put("large", "end", O_APPEND);
    check_equal(get("large"), large + "end");
    check_equal(truncate(at("large").c_str(), 100), 0);
    check_equal(get("large"), large.substr(0, 100));
    int fd = open(at("holes").c_str(), O_RDWR | O_CREAT, 0600);
    check_equal(pwrite(fd, "far", 3, 10 << 20), 3);
    check_equal(lseek(fd, 0, SEEK_DATA), 10 << 20);
    check_equal(posix_fallocate(fd, 0, 1 << 20), 0);
    char byte = 1;
    check_equal(pread(fd, &byte, 1, 500), 1);
    check_equal(byte, 0);
    check_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 10 << 20, 4096), 0);
    check_equal(pread(fd, &byte, 1, 10 << 20), 1);
    check_equal(byte, 0);
    check_equal(fsync(fd), 0);
    check_equal(fdatasync(fd), 0);
    close(fd);
    passed("contents");
}

void names() {
    check_equal(mkdir(at("a").c_str(), 0755), 0);
    check_equal(mkdir(at("b").c_str(), 0755), 0);
    put("a/one", "1");
    put("b/two", "2");
    check_equal(rename(at("a/one").c_str(), at("b/two").c_str()), 0);
    check_equal(get("b/two"), "1");
    check_equal(link(at("b/two").c_str(), at("a/linked").c_str()), 0);
    struct stat status;
    check_equal(stat(at("a/linked").c_str(), &status), 0);
    check_equal(status.st_nlink, 2u);
    check_equal(symlink("../b/two", at("a/soft").c_str()), 0);
    check_equal(get("a/soft"), "1");
    check_equal(rename(at("a").c_str(), at("b/a").c_str()), 0);
    check_equal(get("b/a/linked"), "1");
    check_fails(rmdir(at("b").c_str()), ENOTEMPTY);
    check_fails(rename(at("b").c_str(), at("b/a/b").c_str()), EINVAL);
    std::string longest(255, 'n');
    put(longest, "x");
    check_equal(names_in(".").count(longest), 1u);
    check_fails(open(at(longest + "n").c_str(), O_CREAT | O_WRONLY, 0600), ENAMETOOLONG);
    int fd = open(at("open").c_str(), O_RDWR | O_CREAT, 0600);
    check_equal(write(fd, "kept", 4), 4);
    check_equal(unlink(at("open").c_str()), 0);
    char text[4];
    check_equal(pread(fd, text, 4, 0), 4);
    check_equal(std::string(text, 4), "kept");
    close(fd);
    passed("names");
}

void unnamed() {
    int fd = open(base.c_str(), O_TMPFILE | O_RDWR, 0600);
    check(fd >= 0);
    check_equal(write(fd, "made", 4), 4);
    std::string place = "/proc/self/fd/" + std::to_string(fd);
    check_equal(linkat(AT_FDCWD, place.c_str(), AT_FDCWD, at("named").c_str(), AT_SYMLINK_FOLLOW), 0);
    close(fd);
    check_equal(get("named"), "made");
    passed("unnamed");
}

void many() {
    constexpr int count = 2000;
    check_equal(mkdir(at("many").c_str(), 0755), 0);
    for (int i = 0; i < count; ++i) put("many/file-" + std::to_string(i), "x");
    check_equal(names_in("many").size(), count + 2u);
    for (int i = 0; i < count; ++i) check_equal(unlink(at("many/file-" + std::to_string(i)).c_str()), 0);
    check_equal(names_in("many").size(), 2u);
    check_equal(rmdir(at("many").c_str()), 0);
    passed("many");
}

void attributes() {
    put("attributed", "x");
    timespec times[2] = {{1'000'000'000, 1}, {5'000'000'000, 999'999'999}};
    check_equal(utimensat(AT_FDCWD, at("attributed").c_str(), times, 0), 0);
    check_equal(chmod(at("attributed").c_str(), 0640), 0);
    struct stat status;
    check_equal(stat(at("attributed").c_str(), &status), 0);
    check_equal(status.st_mtim.tv_sec, 5'000'000'000);
    check_equal(status.st_mtim.tv_nsec, 999'999'999);
    check_equal(status.st_mode & 07777, 0640u);
    check_equal(setxattr(at("attributed").c_str(), "user.key", "value", 5, 0), 0);
    char value[16];
    check_equal(getxattr(at("attributed").c_str(), "user.key", value, sizeof value), 5);
    check_equal(std::string(value, 5), "value");
    struct statvfs counts;
    check_equal(statvfs(base.c_str(), &counts), 0);
    check(counts.f_bfree > 0 && counts.f_bfree <= counts.f_blocks);
    passed("attributes");
}

void mappings() {
    constexpr std::size_t size = 1 << 20;
    int fd = open(at("mapped").c_str(), O_RDWR | O_CREAT, 0600);
    check_equal(ftruncate(fd, size), 0);
    auto* memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    check(memory != MAP_FAILED);
    for (std::size_t i = 0; i < size; i += 1000) memory[i] = static_cast<char>(i / 1000);
    check_equal(msync(memory, size, MS_SYNC), 0);
    char byte = 0;
    check_equal(pread(fd, &byte, 1, 5000), 1);
    check_equal(byte, 5);
    check_equal(pwrite(fd, "w", 1, 1), 1);
    check_equal(memory[1], 'w');
    munmap(memory, size);
    close(fd);
    passed("mappings");
}

void direct() {
    constexpr std::size_t size = 64 << 10;
    int fd = open(at("direct").c_str(), O_RDWR | O_CREAT | O_DIRECT, 0600);
    check(fd >= 0);
    auto* memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (std::size_t i = 0; i < size; ++i) memory[i] = static_cast<char>(i * 7);
    check_equal(pwrite(fd, memory, size, 0), static_cast<ssize_t>(size));
    check_equal(pwrite(fd, memory, size, 4 * size), static_cast<ssize_t>(size));
    std::vector<char> wanted(memory, memory + size);
    std::memset(memory, 0, size);
    check_equal(pread(fd, memory, size, 4 * size), static_cast<ssize_t>(size));
    check(std::memcmp(memory, wanted.data(), size) == 0);
    check_equal(get("direct").size(), 5 * size);
    munmap(memory, size);
    close(fd);
    passed("direct");
}

// A mapping sees what is written around the page cache, and what it wrote itself does not come back later.
void direct_beside_mapping() {
    constexpr std::size_t size = 32 << 10, page = 4096;
    int fd = open(at("both").c_str(), O_RDWR | O_CREAT | O_DIRECT, 0600);
    check(fd >= 0);
    check_equal(ftruncate(fd, size), 0);
    auto* shared = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    auto* memory = static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    check(shared != MAP_FAILED && memory != MAP_FAILED);
    shared[page] = 'm';
    shared[3 * page] = 'm';
    std::memset(memory, 'd', size);
    check_equal(pwrite(fd, memory, 2 * page, 0), static_cast<ssize_t>(2 * page));
    check_equal(shared[page], 'd');
    check_equal(shared[3 * page], 'm');
    shared[page + 1] = 'n';
    check_equal(msync(shared, size, MS_SYNC), 0);
    munmap(shared, size);
    check_equal(pread(fd, memory, size, 0), static_cast<ssize_t>(size));
    check_equal(std::string(memory + page - 1, 4), "ddnd");
    check_equal(memory[3 * page], 'm');
    munmap(memory, size);
    close(fd);
    passed("direct beside mapping");
}

}  // namespace

int main(int, char** argv) {
    base = argv[1];
    contents();
    names();
    unnamed();
    many();
    attributes();
    mappings();
    direct();
    direct_beside_mapping();
}
