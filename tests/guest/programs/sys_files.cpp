// SPDX-License-Identifier: Apache-2.0
// Files by system call: open flags, offsets, append, truncate, vectored and positioned I/O, dup, fcntl, sendfile.
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

std::string read_all(const char* path) {
    const int fd = open(path, O_RDONLY);
    check(fd >= 0);
    std::string text(1 << 16, '\0');
    const ssize_t got = read(fd, text.data(), text.size());
    check(got >= 0);
    text.resize(static_cast<std::size_t>(got));
    close(fd);
    return text;
}

void open_flags() {
    check_fails(open("new", O_RDWR), ENOENT);
    int fd = open("new", O_RDWR | O_CREAT | O_EXCL, 0640);
    check(fd >= 0);
    check_equal(write(fd, "0123456789", 10), 10);
    close(fd);
    check_fails(open("new", O_RDWR | O_CREAT | O_EXCL, 0640), EEXIST);
    check_fails(open("new", O_RDONLY | O_DIRECTORY), ENOTDIR);
    check_fails(open(".", O_RDWR), EISDIR);
    check_fails(open("new/below", O_RDONLY), ENOTDIR);
    check_fails(open("", O_RDONLY), ENOENT);
    check_fails(open(std::string(300, 'n').c_str(), O_RDONLY), ENAMETOOLONG);
    fd = open("new", O_RDONLY);
    check_fails(write(fd, "x", 1), EBADF);
    close(fd);
    fd = open("new", O_WRONLY | O_TRUNC);
    char byte = 0;
    check_fails(read(fd, &byte, 1), EBADF);
    close(fd);
    check(read_all("new").empty());
    check_fails(close(fd), EBADF);
    const int first = open("new", O_RDONLY), second = open("new", O_RDONLY);
    close(first);
    check_equal(open("new", O_RDONLY), first);  // the lowest free number
    close(first);
    close(second);
}

void offsets() {
    const int fd = open("offsets", O_RDWR | O_CREAT | O_TRUNC, 0600);
    check_equal(write(fd, "hello world", 11), 11);
    check_equal(lseek(fd, 6, SEEK_SET), 6);
    char text[16] = {};
    check_equal(read(fd, text, 16), 5);
    check_equal(std::string(text), "world");
    check_equal(read(fd, text, 16), 0);
    check_equal(lseek(fd, -5, SEEK_END), 6);
    check_equal(lseek(fd, 2, SEEK_CUR), 8);
    check_fails(lseek(fd, -1, SEEK_SET), EINVAL);
    check_equal(lseek(fd, 100000, SEEK_SET), 100000);
    check_equal(write(fd, "far", 3), 3);
    check_equal(pread(fd, text, 4, 50000), 4);
    check(text[0] == 0 && text[3] == 0);
    check_equal(pwrite(fd, "HELLO", 5, 0), 5);
    check_equal(lseek(fd, 0, SEEK_CUR), 100003);
    check_equal(ftruncate(fd, 7), 0);
    check_equal(pread(fd, text, 16, 0), 7);
    check_equal(std::string(text, 7), "HELLO w");
    check_equal(truncate("offsets", 9), 0);
    check_equal(pread(fd, text, 16, 0), 9);
    check(text[7] == 0 && text[8] == 0);
    check_fails(ftruncate(fd, -1), EINVAL);
    check_equal(fsync(fd), 0);
    check_equal(fdatasync(fd), 0);
    check_equal(posix_fallocate(fd, 0, 20000), 0);
    struct stat status {};
    check_equal(fstat(fd, &status), 0);
    check_equal(status.st_size, 20000);
    close(fd);
}

void appends() {
    const int a = open("append", O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, 0600),
              b = open("append", O_WRONLY | O_APPEND);
    for (int i = 0; i < 3; ++i) {
        check_equal(write(a, "a", 1), 1);
        check_equal(write(b, "b", 1), 1);
    }
    check_equal(lseek(a, 0, SEEK_SET), 0);
    check_equal(write(a, "end", 3), 3);
    check_equal(read_all("append"), "abababend");
    close(a);
    close(b);
}

void vectored() {
    const int fd = open("vectored", O_RDWR | O_CREAT | O_TRUNC, 0600);
    char one[] = "one ", two[] = "two ", three[] = "three";
    const iovec out[] = {{one, 4}, {two, 4}, {nullptr, 0}, {three, 5}};
    check_equal(writev(fd, out, 4), 13);
    char left[6] = {}, right[20] = {};
    const iovec in[] = {{left, 5}, {right, 19}};
    check_equal(preadv(fd, in, 2, 0), 13);
    check(std::string(left) == "one t" && std::string(right) == "wo three");
    check_equal(pwritev(fd, out, 1, 9), 4);
    check_equal(lseek(fd, 0, SEEK_SET), 0);
    check_equal(readv(fd, in, 2), 13);
    check_equal(std::string(right), "wo tone ");
    static volatile int negative = -1;
    static volatile std::uintptr_t unmapped = 16;
    check_fails(readv(fd, in, negative), EINVAL);
    check_fails(write(fd, reinterpret_cast<void*>(unmapped), 10), EFAULT);
    check_fails(pread(fd, reinterpret_cast<void*>(unmapped), 10, 0), EFAULT);
    close(fd);
}

void duplicates() {
    const int fd = open("dup", O_RDWR | O_CREAT | O_TRUNC, 0600);
    const int copy = dup(fd);
    check_equal(write(fd, "12345", 5), 5);
    check_equal(lseek(copy, 0, SEEK_CUR), 5);  // one open file, one offset
    check_equal(dup2(fd, 50), 50);
    check_equal(dup2(fd, fd), fd);
    check_fails(dup3(fd, fd, 0), EINVAL);
    check_fails(dup(999), EBADF);
    check_equal(fcntl(fd, F_DUPFD, 60), 60);
    check_equal(fcntl(fd, F_GETFD), 0);
    check_equal(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
    check_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    check_equal(fcntl(copy, F_GETFD), 0);
    check_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR);
    check_equal(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK), 0);
    check_equal(fcntl(copy, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), O_RDWR | O_APPEND | O_NONBLOCK);
    for (const int each : {fd, copy, 50, 60}) check_equal(close(each), 0);
    check_equal(read_all("dup"), "12345");
}

void sends() {
    const int from = open("offsets", O_RDONLY), to = open("sent", O_RDWR | O_CREAT | O_TRUNC, 0600);
    off_t offset = 1;
    check_equal(sendfile(to, from, &offset, 4), 4);
    check_equal(offset, 5);
    check_equal(sendfile(to, from, nullptr, 100000), 20000);
    check_equal(lseek(to, 0, SEEK_END), 20004);
    check_equal(read_all("sent").substr(0, 9), "ELLOHELLO");
    close(from);
    close(to);
}

void large() {
    const int fd = open("large", O_RDWR | O_CREAT | O_TRUNC, 0600);
    std::vector<std::uint32_t> block(16384);
    for (std::uint32_t b = 0; b < 128; ++b) {  // 8 MiB
        for (std::uint32_t i = 0; i < block.size(); ++i) block[i] = b * 16384 + i;
        check_equal(write(fd, block.data(), 65536), 65536);
    }
    for (std::uint32_t b = 128; b-- > 0;) {
        check_equal(pread(fd, block.data(), 65536, b * 65536l), 65536);
        check(block[0] == b * 16384 && block[16383] == b * 16384 + 16383);
    }
    close(fd);
    check_equal(unlink("large"), 0);
}

}  // namespace

int main() {
    char name[] = "/tmp/files-XXXXXX";
    check(mkdtemp(name) != nullptr);
    check_equal(chdir(name), 0);
    open_flags();
    passed("open");
    offsets();
    passed("offsets and sizes");
    appends();
    passed("append");
    vectored();
    passed("vectored I/O");
    duplicates();
    passed("dup and fcntl");
    sends();
    passed("sendfile");
    large();
    passed("8 MiB");
    for (const char* file : {"new", "offsets", "append", "vectored", "dup", "sent"}) check_equal(unlink(file), 0);
    check_equal(chdir("/"), 0);
    check_equal(rmdir(name), 0);
}
