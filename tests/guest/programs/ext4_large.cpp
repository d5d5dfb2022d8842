// SPDX-License-Identifier: Apache-2.0
// What is large on a file system: directories, names, files with holes.
//
//   ext4_large write FOLDER ENTRIES     makes a directory of so many files, names of 255 bytes, a file of 20 GiB
//   ext4_large check FOLDER ENTRIES     looks at what `write` left: another mount, another system
//   ext4_large fill FOLDER LEAST        long names until the directory is full: at least so many
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/guest/check.hpp"

using guest_test::check;
using guest_test::check_equal;
using guest_test::check_fails;
using guest_test::passed;

namespace {

constexpr int longest_name = 255, long_names = 300;
constexpr off_t sparse_bytes = 20ll << 30;
constexpr off_t sparse_places[] = {0, (4ll << 30) - 2048, 13ll << 30, sparse_bytes - 4096};

std::string base;

std::string entry(int number) { return base + "/many/entry-" + std::to_string(number); }
// Numbers of one width, so that names are as long as can be.
std::string long_name(int number, int size = longest_name) {
    std::string digits = std::to_string(1'000'000 + number);
    return std::string(static_cast<std::size_t>(size) - digits.size(), 'n') + digits;
}
bool is_kept(int number) { return number % 3 != 0; }

void create(const std::string& path) {
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    check(fd >= 0);
    check_equal(close(fd), 0);
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// How often each of the numbers behind `prefix` comes in a listing.
std::vector<int> list(const std::string& folder, const std::string& prefix, int numbers) {
    std::vector<int> seen(static_cast<std::size_t>(numbers));
    DIR* const stream = opendir(folder.c_str());
    check(stream != nullptr);
    while (const dirent* const found = readdir(stream)) {
        const std::string name = found->d_name;
        if (name.starts_with(prefix)) ++seen.at(std::stoul(name.substr(prefix.size())));
    }
    check_equal(closedir(stream), 0);
    return seen;
}

void check_entries(int entries, bool all) {
    const std::vector<int> seen = list(base + "/many", "entry-", entries);
    for (int number = 0; number < entries; ++number) {
        const bool wanted = all || is_kept(number);
        check_equal(seen.at(static_cast<std::size_t>(number)), wanted ? 1 : 0);
        if (number % 7 == 0) check_equal(exists(entry(number)), wanted);
    }
}

void write_entries(int entries) {
    check_equal(mkdir((base + "/many").c_str(), 0700), 0);
    for (int number = 0; number < entries; ++number) create(entry(number));
    check_entries(entries, true);
    for (int number = 0; number < entries; ++number) {
        if (!is_kept(number)) check_equal(unlink(entry(number).c_str()), 0);
    }
    check_entries(entries, false);
    check_fails(rmdir((base + "/many").c_str()), ENOTEMPTY);
    passed("entries");
}

void check_long_names() {
    for (int number = 0; number < long_names; ++number) check(exists(base + "/long/" + long_name(number)));
    check(!exists(base + "/long/" + long_name(long_names)));
}

void write_long_names() {
    check_equal(mkdir((base + "/long").c_str(), 0700), 0);
    for (int number = 0; number < long_names; ++number) create(base + "/long/" + long_name(number));
    check_fails(open((base + "/long/" + long_name(0, longest_name + 1)).c_str(), O_WRONLY | O_CREAT, 0600),
                ENAMETOOLONG);
    check_long_names();
    passed("long names");
}

void check_sparse() {
    const int fd = open((base + "/sparse").c_str(), O_RDONLY);
    check(fd >= 0);
    struct stat facts;
    check_equal(fstat(fd, &facts), 0);
    check_equal(facts.st_size, sparse_bytes);
    check(facts.st_blocks < 4096);
    std::vector<char> block(4096);
    for (const off_t place : sparse_places) {
        check_equal(pread(fd, block.data(), block.size(), place), static_cast<ssize_t>(block.size()));
        for (const char byte : block) check_equal(byte, 's');
    }
    check_equal(pread(fd, block.data(), block.size(), 7ll << 30), static_cast<ssize_t>(block.size()));
    for (const char byte : block) check_equal(byte, '\0');
    check_equal(lseek(fd, 8ll << 30, SEEK_DATA), sparse_places[2]);
    check_equal(lseek(fd, sparse_places[2], SEEK_HOLE), sparse_places[2] + 4096);
    check_equal(close(fd), 0);
}

void write_sparse() {
    const int fd = open((base + "/sparse").c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
    check(fd >= 0);
    const std::vector<char> block(4096, 's');
    for (const off_t place : sparse_places) {
        check_equal(pwrite(fd, block.data(), block.size(), place), static_cast<ssize_t>(block.size()));
    }
    check_equal(fsync(fd), 0);
    check_equal(close(fd), 0);
    check_sparse();
    passed("sparse");
}

// Names of one file, since a name is all that counts here; an inode has at most 65000 of them.
void fill(int least) {
    constexpr int names_each = 60'000;
    check_equal(mkdir((base + "/full").c_str(), 0700), 0);
    int count = 0;
    for (;; ++count) {
        const std::string file = base + "/file-" + std::to_string(count / names_each);
        if (count % names_each == 0) create(file);
        if (link(file.c_str(), (base + "/full/" + long_name(count)).c_str()) != 0) break;
    }
    check_equal(errno, ENOSPC);
    check(count >= least);
    for (int number = 0; number < count; ++number) check(exists(base + "/full/" + long_name(number)));
    create(base + "/elsewhere");
    check_equal(unlink((base + "/full/" + long_name(count / 2)).c_str()), 0);
    create(base + "/full/" + long_name(count / 2));
    sync();
    std::printf("%d names\n", count);
}

}  // namespace

int main(int, char** argv) {
    const std::string what = argv[1];
    base = argv[2];
    const int number = std::stoi(argv[3]);
    if (what == "fill") {
        fill(number);
    } else if (what == "write") {
        write_entries(number);
        write_long_names();
        write_sparse();
    } else {
        check_entries(number, false);
        check_long_names();
        check_sparse();
        passed("all there");
    }
}
