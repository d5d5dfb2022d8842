// SPDX-License-Identifier: Apache-2.0
// Names by system call: directories, links, rename, unlink of an open file, stat fields, times, umask, access.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

void create(const char* path, const char* text = "") {
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    check(fd >= 0);
    check_equal(write(fd, text, std::strlen(text)), static_cast<ssize_t>(std::strlen(text)));
    close(fd);
}

struct stat status_of(const char* path) {
    struct stat status {};
    check_equal(lstat(path, &status), 0);
    return status;
}

std::vector<std::string> names_in(const char* path) {
    std::vector<std::string> names;
    DIR* directory = opendir(path);
    check(directory != nullptr);
    while (const dirent* entry = readdir(directory)) {
        check(entry->d_ino != 0);
        names.emplace_back(entry->d_name);
    }
    closedir(directory);
    std::sort(names.begin(), names.end());
    return names;
}

void directories() {
    check_equal(mkdir("dir", 0755), 0);
    check_fails(mkdir("dir", 0755), EEXIST);
    check_fails(mkdir("no/dir", 0755), ENOENT);
    for (int i = 0; i < 500; ++i) create(("dir/entry-with-a-longer-name-" + std::to_string(i)).c_str());
    check_equal(names_in("dir").size(), 502u);
    check_fails(rmdir("dir"), ENOTEMPTY);
    check_fails(unlink("dir"), EISDIR);
    for (int i = 0; i < 500; ++i) {
        check_equal(unlink(("dir/entry-with-a-longer-name-" + std::to_string(i)).c_str()), 0);
    }
    check(names_in("dir") == std::vector<std::string>{".", ".."});
    const int fd = open("dir", O_RDONLY | O_DIRECTORY);
    const int below = openat(fd, "below", O_WRONLY | O_CREAT, 0600);
    check(below >= 0);
    close(below);
    check_equal(faccessat(fd, "below", F_OK, 0), 0);
    check_equal(unlinkat(fd, "below", 0), 0);
    check_equal(fchdir(fd), 0);
    check_equal(chdir(".."), 0);
    close(fd);
    check_equal(rmdir("dir"), 0);
    check_fails(rmdir("dir"), ENOENT);
    DIR* entries = opendir(".");
    (void)readdir(entries);
    rewinddir(entries);
    check(readdir(entries) != nullptr);
    closedir(entries);
}

void links() {
    create("file", "content");
    check_equal(link("file", "hard"), 0);
    check(status_of("file").st_ino == status_of("hard").st_ino && status_of("file").st_nlink == 2);
    check_fails(link("file", "hard"), EEXIST);
    check_equal(symlink("file", "soft"), 0);
    char target[16];
    check_equal(readlink("soft", target, sizeof target), 4);
    check_fails(readlink("file", target, sizeof target), EINVAL);
    check(S_ISLNK(status_of("soft").st_mode) && status_of("soft").st_size == 4);
    struct stat through {};
    check_equal(stat("soft", &through), 0);
    check_equal(through.st_ino, status_of("file").st_ino);
    check_equal(symlink("loop", "loop"), 0);
    check_fails(open("loop", O_RDONLY), ELOOP);
    check_fails(open("soft", O_RDONLY | O_NOFOLLOW), ELOOP);
    check_equal(symlink("nowhere", "dangling"), 0);
    check_fails(open("dangling", O_RDONLY), ENOENT);
    for (const char* name : {"loop", "dangling", "soft", "hard"}) check_equal(unlink(name), 0);
    check_equal(status_of("file").st_nlink, 1u);
}

void renames() {
    create("a", "A");
    create("b", "B");
    check_equal(rename("a", "b"), 0);
    check_equal(status_of("b").st_size, 1);
    check_fails(rename("a", "c"), ENOENT);
    mkdir("from", 0755);
    mkdir("to", 0755);
    create("from/x");
    check_equal(rename("from/x", "to/y"), 0);
    check_fails(rename("from", "to"), ENOTEMPTY);
    check_fails(rename("b", "to"), EISDIR);
    check_fails(rename("to", "b"), ENOTDIR);
    check_fails(rename("to", "to/inside"), EINVAL);
    check_equal(rename("to", "from"), 0);
    check_equal(unlink("from/y"), 0);
    check_equal(rmdir("from"), 0);
    check_fails(renameat2(AT_FDCWD, "b", AT_FDCWD, "file", 1 /* RENAME_NOREPLACE */), EEXIST);
    check_equal(unlink("b"), 0);
}

void unlinked_but_open() {
    create("gone", "still here");
    const int fd = open("gone", O_RDWR);
    check_equal(unlink("gone"), 0);
    check_fails(access("gone", F_OK), ENOENT);
    char text[16] = {};
    check_equal(read(fd, text, 16), 10);
    check_equal(write(fd, "!", 1), 1);
    struct stat status {};
    check_equal(fstat(fd, &status), 0);
    check(status.st_nlink == 0 && status.st_size == 11);
    close(fd);
}

void stat_fields() {
    umask(027);
    const int fd = open("mode", O_WRONLY | O_CREAT, 0666);
    check_equal(umask(022), 027u);
    std::vector<char> text(5000, 't');
    check_equal(write(fd, text.data(), text.size()), 5000);
    close(fd);
    struct stat status = status_of("mode");
    check_equal(status.st_mode, static_cast<mode_t>(S_IFREG | 0640));
    check(status.st_size == 5000 && status.st_blocks >= 10 && status.st_blksize >= 512 && status.st_uid == getuid());
    check_equal(chmod("mode", 0400), 0);
    check_equal(status_of("mode").st_mode & 07777, 0400u);
    check_equal(access("mode", R_OK), 0);
    const timespec times[] = {{1'000'000'000, 111'000'000}, {1'234'567'890, 222'000'000}};
    check_equal(utimensat(AT_FDCWD, "mode", times, 0), 0);
    status = status_of("mode");
    check(status.st_atim.tv_sec == 1'000'000'000 && status.st_mtim.tv_sec == 1'234'567'890);
    check_equal(status.st_mtim.tv_nsec, 222'000'000);
    struct statx extended {};
    check_equal(statx(AT_FDCWD, "mode", 0, STATX_BASIC_STATS, &extended), 0);
    check(extended.stx_size == 5000 && extended.stx_mtime.tv_sec == 1'234'567'890);
    check_equal(unlink("mode"), 0);

    check_equal(stat("/dev/null", &status), 0);
    check(S_ISCHR(status.st_mode) && major(status.st_rdev) == 1 && minor(status.st_rdev) == 3);
    check_equal(stat("/", &status), 0);
    check(S_ISDIR(status.st_mode));
    check_fails(stat("nothing", &status), ENOENT);
    struct statfs space {};
    check_equal(statfs("/tmp", &space), 0);
    check(space.f_bsize > 0 && space.f_blocks > 0 && space.f_bfree <= space.f_blocks);
}

}  // namespace

int main() {
    char name[] = "/tmp/directories-XXXXXX";
    check(mkdtemp(name) != nullptr);
    check_equal(chdir(name), 0);
    directories();
    passed("directories");
    links();
    passed("links");
    renames();
    passed("rename");
    unlinked_but_open();
    passed("unlink of an open file");
    stat_fields();
    passed("stat");
    check_equal(unlink("file"), 0);
    check_equal(chdir("/"), 0);
    check_equal(rmdir(name), 0);
}
