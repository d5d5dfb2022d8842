// SPDX-License-Identifier: Apache-2.0
// Reading, writing and shaping open files, and descriptors themselves.
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

const char* const name = "/dev/shm/conformance";
const iovec one_byte{buffer, 1};
const iovec bad_parts[] = {{buffer, 4}, {nullptr, 4}};
const iovec too_long[] = {{buffer, 1}, {buffer, ~0ul >> 1}, {buffer, 1}};

// A file of this name with this content, open to read and write.
int file_with(const char* path, const char* text) {
    const int fd = static_cast<int>(needs(open(path, O_RDWR | O_CREAT | O_TRUNC, 0644)));
    needs(write(fd, text, std::strlen(text)));
    return fd;
}

void content(const char* path) {
    char text[256] = {};
    const int fd = static_cast<int>(needs(open(path, O_RDONLY)));
    const ssize_t size = needs(read(fd, text, sizeof text - 1));
    close(fd);
    for (ssize_t i = 0; i < size; ++i) {
        if (text[i] == 0) text[i] = '.';
    }
    is("content", text);
}

void wrong_arguments() {
    const int file = file_with(name, "0123456789");
    const int reader = static_cast<int>(needs(open(name, O_RDONLY)));
    const int writer = static_cast<int>(needs(open(name, O_WRONLY)));
    const int appender = static_cast<int>(needs(open(name, O_WRONLY | O_APPEND)));
    const int directory = static_cast<int>(needs(open("/dev/shm", O_RDONLY | O_DIRECTORY)));
    const int path = static_cast<int>(needs(open(name, O_PATH)));
    const int zero = static_cast<int>(needs(open("/dev/zero", O_RDWR)));
    const int full = static_cast<int>(needs(open("/dev/full", O_RDWR)));
    const int null = static_cast<int>(needs(open("/dev/null", O_RDWR)));
    int ends[2];
    needs(pipe2(ends, O_NONBLOCK));
    answer_all({
        {SYS_read, "no descriptor", no_fd, buffer, 1},
        {SYS_read, "a bad buffer", zero, nowhere, 1},
        {SYS_read, "a bad buffer at the end of the file", file, nowhere, 1},
        {SYS_read, "nothing into a bad buffer", reader, nowhere, 0},
        {SYS_read, "a directory", directory, buffer, 1},
        {SYS_read, "write-only", writer, buffer, 1},
        {SYS_read, "an O_PATH descriptor", path, buffer, 1},
        {SYS_read, "more than there is", reader, buffer, 4096},
        {SYS_read, "at the end", reader, buffer, 1},
        {SYS_read, "/dev/null", null, buffer, 1},
        {SYS_read, "/dev/full", full, buffer, 10},
        {SYS_write, "no descriptor", no_fd, buffer, 1},
        {SYS_write, "read-only", reader, buffer, 1},
        {SYS_write, "from a bad buffer", writer, nowhere, 1},
        {SYS_write, "nothing from a bad buffer", writer, nowhere, 0},
        {SYS_write, "nothing", writer, buffer, 0},
        {SYS_write, "an O_PATH descriptor", path, buffer, 1},
        {SYS_write, "a directory", directory, buffer, 1},
        {SYS_write, "/dev/full", full, buffer, 1},
        {SYS_write, "/dev/null from a bad buffer", null, nowhere, 1},
        {SYS_pread64, "at a negative offset", file, buffer, 1, -1},
        {SYS_pread64, "behind the end", file, buffer, 1, 1000},
        {SYS_pread64, "in the middle", file, buffer, 100, 7},
        {SYS_pread64, "a pipe", ends[0], buffer, 1, 0},
        {SYS_pread64, "no descriptor", no_fd, buffer, 1, 0},
        {SYS_pread64, "write-only", writer, buffer, 1, 0},
        {SYS_pread64, "a directory", directory, buffer, 1, 0},
        {SYS_pwrite64, "a pipe", ends[1], buffer, 1, 0},
        {SYS_pwrite64, "at a negative offset", file, buffer, 1, -1},
        {SYS_pwrite64, "read-only", reader, buffer, 1, 0},
        {SYS_pwrite64, "no descriptor", no_fd, buffer, 1, 0},
        {SYS_pwrite64, "from a bad buffer", writer, nowhere, 1, 0},
        {SYS_readv, "too many parts", file, buffer, 1025},
        {SYS_readv, "no parts", file, buffer, 0},
        {SYS_readv, "a negative number of parts", file, buffer, -1},
        {SYS_readv, "a bad array", file, nowhere, 1},
        {SYS_readv, "parts that are too long together", zero, too_long, 2},
        {SYS_readv, "no descriptor", no_fd, &one_byte, 1},
        {SYS_writev, "a negative number of parts", file, buffer, -1},
        {SYS_writev, "too many parts", file, buffer, 1025},
        {SYS_writev, "a bad array", file, nowhere, 1},
        {SYS_writev, "the second part is bad", null, bad_parts, 2},
        {SYS_writev, "read-only", reader, &one_byte, 1},
        {SYS_writev, "a length below zero", null, too_long, 3},
        {SYS_preadv, "at a negative offset", file, &one_byte, 1, -1, -1},
        {SYS_preadv, "a pipe", ends[0], &one_byte, 1, 0, 0},
        {SYS_preadv, "in the middle", file, &one_byte, 1, 4, 0},
        {SYS_preadv, "no parts", file, &one_byte, 0, 4, 0},
        {SYS_pwritev, "at a negative offset", file, &one_byte, 1, -1, -1},
        {SYS_pwritev, "read-only", reader, &one_byte, 1, 0, 0},
        {SYS_pwritev, "a pipe", ends[1], &one_byte, 1, 0, 0},
        {SYS_preadv2, "an unknown flag", file, &one_byte, 1, 0, 0, 0x10000},
        {SYS_preadv2, "an unknown flag and no parts", file, &one_byte, 0, 0, 0, 0x10000},
        {SYS_preadv2, "an unknown flag and no descriptor", no_fd, &one_byte, 1, 0, 0, 0x10000},
        {SYS_preadv2, "an unknown flag, write-only", writer, &one_byte, 1, 0, 0, 0x10000},
        {SYS_preadv2, "at the descriptor's own place", file, &one_byte, 1, -1, -1, 0},
        {SYS_preadv2, "at a negative offset", file, &one_byte, 1, -2, -1, 0},
        {SYS_preadv2, "RWF_HIPRI", file, &one_byte, 1, 0, 0, RWF_HIPRI},
        {SYS_preadv2, "RWF_APPEND", file, &one_byte, 1, 0, 0, RWF_APPEND},
        {SYS_preadv2, "RWF_NOWAIT of what is in memory", file, &one_byte, 1, 0, 0, RWF_NOWAIT},
        {SYS_preadv2, "a pipe at an offset", ends[0], &one_byte, 1, 0, 0, 0},
        {SYS_pwritev2, "an unknown flag", file, &one_byte, 1, 0, 0, 0x10000},
        {SYS_pwritev2, "an unknown flag and no parts", file, &one_byte, 0, 0, 0, 0x10000},
        {SYS_pwritev2, "an unknown flag, read-only", reader, &one_byte, 1, 0, 0, 0x10000},
        {SYS_pwritev2, "RWF_DSYNC", file, &one_byte, 1, 0, 0, RWF_DSYNC},
        {SYS_pwritev2, "RWF_SYNC", file, &one_byte, 1, 0, 0, RWF_SYNC},
        {SYS_lseek, "no descriptor", no_fd, 0, SEEK_SET},
        {SYS_lseek, "a pipe", ends[0], 0, SEEK_SET},
        {SYS_lseek, "before the start", file, -1, SEEK_SET},
        {SYS_lseek, "an unknown origin", file, 0, 99},
        {SYS_lseek, "to data behind the end", file, 100, SEEK_DATA},
        {SYS_lseek, "to a hole behind the end", file, 100, SEEK_HOLE},
        {SYS_lseek, "to data before the start", file, -1, SEEK_DATA},
        {SYS_lseek, "to data", file, 3, SEEK_DATA},
        {SYS_lseek, "to the hole at the end", file, 3, SEEK_HOLE},
        {SYS_lseek, "behind the end", file, 500, SEEK_END},
        {SYS_lseek, "an overflow", file, ~0ul >> 1, SEEK_CUR},
        {SYS_lseek, "/dev/null", null, 77, SEEK_SET},
        {SYS_lseek, "/dev/zero", zero, 77, SEEK_SET},
        {SYS_lseek, "a directory's start", directory, 0, SEEK_SET},
        {SYS_lseek, "an O_PATH descriptor", path, 0, SEEK_SET},
        {SYS_ftruncate, "no descriptor", no_fd, 0},
        {SYS_ftruncate, "read-only", reader, 0},
        {SYS_ftruncate, "less than nothing", file, -1},
        {SYS_ftruncate, "a pipe", ends[1], 0},
        {SYS_ftruncate, "a directory", directory, 0},
        {SYS_ftruncate, "a device", null, 0},
        {SYS_ftruncate, "an O_PATH descriptor", path, 0},
        {SYS_truncate, "a directory", "/dev/shm", 0},
        {SYS_truncate, "nothing there", "/dev/shm/not there", 0},
        {SYS_truncate, "less than nothing", name, -1},
        {SYS_truncate, "a device", "/dev/null", 0},
        {SYS_truncate, "below a file", "/dev/shm/conformance/x", 0},
        {SYS_truncate, "a bad name", nowhere, 0},
        {SYS_fallocate, "no descriptor", no_fd, 0, 0, 1},
        {SYS_fallocate, "nothing", file, 0, 0, 0},
        {SYS_fallocate, "a negative offset", file, 0, -1, 1},
        {SYS_fallocate, "an unknown mode", file, 0x8000, 0, 1},
        {SYS_fallocate, "a hole that changes the size", file, FALLOC_FL_PUNCH_HOLE, 0, 1},
        {SYS_fallocate, "read-only", reader, 0, 0, 1},
        {SYS_fallocate, "a pipe", ends[1], 0, 0, 1},
        {SYS_fallocate, "a directory", directory, 0, 0, 1},
        {SYS_fallocate, "a device", null, 0, 0, 1},
        {SYS_fallocate, "an overflow", file, 0, ~0ul >> 1, 2},
        {SYS_fsync, "a pipe", ends[0]},
        {SYS_fsync, "no descriptor", no_fd},
        {SYS_fsync, "a directory", directory},
        {SYS_fsync, "an O_PATH descriptor", path},
        {SYS_fsync, "read-only", reader},
        {SYS_fdatasync, "a pipe", ends[0]},
        {SYS_fdatasync, "no descriptor", no_fd},
        {SYS_fdatasync, "a file", file},
        {SYS_sync, "has no errors"},
        {SYS_syncfs, "no descriptor", no_fd},
        {SYS_syncfs, "a file", reader},
        {SYS_syncfs, "an O_PATH descriptor", path},
        {SYS_sync_file_range, "no descriptor", no_fd, 0, 0, 0},
        {SYS_sync_file_range, "an unknown flag", file, 0, 0, 8},
        {SYS_sync_file_range, "a negative offset", file, -1, 0, 0},
        {SYS_sync_file_range, "a pipe", ends[0], 0, 0, 0},
        {SYS_sync_file_range, "a file", file, 0, 0, 7},
        {SYS_fadvise64, "no descriptor", no_fd, 0, 0, POSIX_FADV_NORMAL},
        {SYS_fadvise64, "unknown advice", file, 0, 0, 77},
        {SYS_fadvise64, "a pipe", ends[0], 0, 0, POSIX_FADV_NORMAL},
        {SYS_fadvise64, "a length below zero", file, 0, -1, POSIX_FADV_NORMAL},
        {SYS_fadvise64, "POSIX_FADV_DONTNEED", file, 0, 0, POSIX_FADV_DONTNEED},
        {SYS_readahead, "no descriptor", no_fd, 0, 1},
        {SYS_readahead, "write-only", writer, 0, 1},
        {SYS_readahead, "a pipe", ends[0], 0, 1},
        {SYS_readahead, "a file", reader, 0, 4096},
        {SYS_sendfile, "no descriptor", no_fd, file, 0, 1},
        {SYS_sendfile, "from no descriptor", file, no_fd, 0, 1},
        {SYS_sendfile, "from write-only", null, writer, 0, 1},
        {SYS_sendfile, "to read-only", reader, reader, 0, 1},
        {SYS_sendfile, "to one that appends", appender, reader, 0, 1},
        {SYS_sendfile, "an offset at a bad place", null, reader, nowhere, 1},
        {SYS_sendfile, "nothing", null, reader, 0, 0},
        {SYS_copy_file_range, "no descriptor", no_fd, 0, file, 0, 1, 0},
        {SYS_copy_file_range, "to no descriptor", file, 0, no_fd, 0, 1, 0},
        {SYS_copy_file_range, "a flag", reader, 0, file, 0, 1, 1},
        {SYS_copy_file_range, "from a pipe", ends[0], 0, file, 0, 1, 0},
        {SYS_copy_file_range, "from a directory", directory, 0, file, 0, 1, 0},
        {SYS_copy_file_range, "to read-only", file, 0, reader, 0, 1, 0},
        {SYS_copy_file_range, "to one that appends", reader, 0, appender, 0, 1, 0},
        {SYS_copy_file_range, "onto itself", file, buffer, file, buffer, 2, 0},
        {SYS_splice, "no descriptor", no_fd, 0, file, 0, 1, 0},
        {SYS_splice, "neither is a pipe", reader, 0, writer, 0, 1, 0},
        {SYS_splice, "an unknown flag", ends[0], 0, writer, 0, 1, 0x80},
        {SYS_close, "no descriptor", no_fd},
        {SYS_close, "below zero", -1},
        {SYS_close, "an O_PATH descriptor", path},
        {SYS_close, "the same one again", path},
        {SYS_dup, "no descriptor", no_fd},
        {SYS_dup2, "onto itself", file, file},
        {SYS_dup2, "no descriptor onto itself", no_fd, no_fd},
        {SYS_dup2, "beyond the limit", file, 1 << 30},
        {SYS_dup2, "below zero", file, -1},
        {SYS_dup2, "to a free number", file, 60},
        {SYS_dup3, "onto itself", file, file, 0},
        {SYS_dup3, "an unknown flag", file, 50, 1},
        {SYS_dup3, "no descriptor", no_fd, 50, 0},
        {SYS_dup3, "beyond the limit", file, 1 << 30, 0},
        {SYS_dup3, "O_CLOEXEC", file, 61, O_CLOEXEC},
        {SYS_fcntl, "F_GETFD after O_CLOEXEC", 61, F_GETFD, 0},
        {SYS_fcntl, "F_GETFD after dup2", 60, F_GETFD, 0},
        {SYS_fcntl, "F_SETFD", 60, F_SETFD, 3},
        {SYS_fcntl, "F_GETFD after F_SETFD", 60, F_GETFD, 0},
        {SYS_fcntl, "no descriptor", no_fd, F_GETFD, 0},
        {SYS_fcntl, "an unknown command", file, 9876, 0},
        {SYS_fcntl, "F_DUPFD below zero", file, F_DUPFD, -1},
        {SYS_fcntl, "F_DUPFD beyond the limit", file, F_DUPFD, 1 << 30},
        {SYS_fcntl, "F_DUPFD from a number on", file, F_DUPFD, 70},
        {SYS_fcntl, "F_DUPFD_CLOEXEC from a number on", file, F_DUPFD_CLOEXEC, 70},
        {SYS_fcntl, "F_GETPIPE_SZ of a file", file, F_GETPIPE_SZ, 0},
        {SYS_fcntl, "F_GETLK to a bad place", file, F_GETLK, nowhere},
        {SYS_fcntl, "F_SETLK of an unknown kind", file, F_SETLK,
         "\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"},
        {SYS_fcntl, "F_GET_SEALS of a file", file, F_GET_SEALS, 0},
        {SYS_fcntl, "F_SETFL", file, F_SETFL, O_APPEND | O_NONBLOCK},
        {SYS_fcntl, "F_SETFL cannot make it writable", reader, F_SETFL, O_RDWR},
        {SYS_fcntl, "F_GETOWN", ends[0], F_GETOWN, 0},
        {SYS_flock, "an unknown operation", file, 77},
        {SYS_flock, "no descriptor", no_fd, LOCK_SH},
        {SYS_flock, "unlock what is not locked", file, LOCK_UN},
        {SYS_flock, "both kinds", file, LOCK_SH | LOCK_EX},
        {SYS_ioctl, "unknown", file, 0x1234, 0},
        {SYS_ioctl, "no descriptor", no_fd, 0x1234, 0},
        {SYS_ioctl, "TCGETS of a file", file, 0x5401, buffer},
        {SYS_ioctl, "FIONREAD of a file", reader, 0x541b, buffer},
        {SYS_ioctl, "FIONREAD to a bad place", ends[0], 0x541b, nowhere},
        {SYS_ioctl, "FIONBIO from a bad place", ends[0], 0x5421, nowhere},
        {SYS_ioctl, "FIOCLEX", ends[0], 0x5451, 0},
        {SYS_ioctl, "FIONCLEX", ends[0], 0x5450, 0},
        {SYS_close_range, "upside down", 60, 50, 0},
        {SYS_close_range, "an unknown flag", 60, 60, 1},
        {SYS_close_range, "to close on exec", 60, 60, 4},
        {SYS_close_range, "three of them", 60, 62, 0},
        {SYS_fcntl, "F_GETFD of one that it closed", 60, F_GETFD, 0},
        {SYS_memfd_create, "an unknown flag", "x", 0x8000},
        {SYS_memfd_create, "a bad name", nowhere, 0},
    });
    for (int fd = 3; fd < 80; ++fd) close(fd);
}

void status_flags() {
    scenario(SYS_fcntl, "F_GETFL tells mode and flags", [] {
        const int plain = static_cast<int>(needs(open(name, O_RDONLY)));
        const int rich = static_cast<int>(needs(open(name, O_RDWR | O_APPEND | O_NONBLOCK | O_NOATIME)));
        const int path = static_cast<int>(needs(open(name, O_PATH)));
        is("read-only", fcntl(plain, F_GETFL) & ~O_LARGEFILE & ~0100000);
        is("with flags", fcntl(rich, F_GETFL) & ~0100000);
        is("O_PATH", fcntl(path, F_GETFL) & ~0100000);
        needs(fcntl(rich, F_SETFL, 0));
        is("flags removed", fcntl(rich, F_GETFL) & ~0100000);
        answers("F_SETFL of O_PATH", fcntl(path, F_SETFL, 0));
        close(plain);
        close(rich);
        close(path);
    });
    scenario(SYS_write, "O_APPEND writes at the end wherever the place is", [] {
        const int file = file_with(name, "abc");
        const int appender = static_cast<int>(needs(open(name, O_RDWR | O_APPEND)));
        is("place", lseek(appender, 1, SEEK_SET));
        answers("written", write(appender, "d", 1));
        is("place after it", lseek(appender, 0, SEEK_CUR));
        answers("pwrite appends too", pwrite(appender, "e", 1, 0));
        content(name);
        close(file);
        close(appender);
    });
    scenario(SYS_pwritev2, "RWF_APPEND appends, and leaves the place", [] {
        const int file = file_with(name, "abc");
        const iovec part{const_cast<char*>("xy"), 2};
        lseek(file, 1, SEEK_SET);
        answers("appended", syscall(SYS_pwritev2, file, &part, 1, 0, 0, RWF_APPEND));
        is("place", lseek(file, 0, SEEK_CUR));
        content(name);
        close(file);
    });
    scenario(SYS_dup, "the copy shares place and flags", [] {
        const int file = file_with(name, "abcdef");
        const int copy = static_cast<int>(needs(dup(file)));
        lseek(file, 2, SEEK_SET);
        is("place of the copy", lseek(copy, 0, SEEK_CUR));
        needs(fcntl(copy, F_SETFL, O_APPEND));
        holds("flag of the first", (fcntl(file, F_GETFL) & O_APPEND) != 0);
        close(file);
        answers("the copy still reads", read(copy, buffer, 10));
        close(copy);
    });
}

void sizes_and_holes() {
    scenario(SYS_ftruncate, "a larger file has zeroes behind its content", [] {
        const int file = file_with(name, "abcdef");
        lseek(file, 5, SEEK_SET);
        needs(ftruncate(file, 2));
        is("the place stays", lseek(file, 0, SEEK_CUR));
        answers("read behind the end", read(file, buffer, 1));
        needs(ftruncate(file, 5));
        content(name);
        close(file);
    });
    scenario(SYS_fallocate, "sizes and holes", [] {
        const int file = file_with(name, "abcdef");
        struct stat facts;
        answers("keep the size", fallocate(file, FALLOC_FL_KEEP_SIZE, 0, 10000));
        fstat(file, &facts);
        is("size", facts.st_size);
        answers("extend", fallocate(file, 0, 4, 6));
        fstat(file, &facts);
        is("size", facts.st_size);
        answers("punch", fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, 2));
        content(name);
        close(file);
    });
    scenario(SYS_write, "RLIMIT_FSIZE sends SIGXFSZ", [] {
        Handler handler(SIGXFSZ);
        const int file = file_with(name, "");
        answers("far behind every limit", pwrite(file, "x", 1, 0x7ffffffffffffffe));
        is("signals", handled);
        close(file);
    });
    scenario(SYS_pwrite64, "a gap reads as zeroes", [] {
        const int file = file_with(name, "a");
        answers("behind a gap", pwrite(file, "z", 1, 4));
        is("the place stays", lseek(file, 0, SEEK_CUR));
        content(name);
        close(file);
    });
    scenario(SYS_readv, "parts are filled in order", [] {
        const int file = file_with(name, "abcdefgh");
        lseek(file, 0, SEEK_SET);
        char first[3] = {}, second[8] = {};
        const iovec parts[] = {{first, 2}, {nullptr, 0}, {second, 7}};
        answers("read", readv(file, parts, 3));
        is("first", first);
        is("second", second);
        answers("at the end", readv(file, parts, 3));
        close(file);
    });
    scenario(SYS_writev, "what comes before a bad part is written or nothing", [] {
        const int file = file_with(name, "");
        const iovec parts[] = {{const_cast<char*>("ab"), 2}, {const_cast<char*>("cd"), 2}};
        answers("both", writev(file, parts, 2));
        content(name);
        close(file);
    });
}

void copies() {
    scenario(SYS_copy_file_range, "copies, moves the places or the offsets", [] {
        const int from = file_with(name, "abcdefgh");
        const int to = file_with("/dev/shm/conformance.2", "");
        lseek(from, 2, SEEK_SET);
        answers("by place", copy_file_range(from, nullptr, to, nullptr, 3, 0));
        is("place", lseek(from, 0, SEEK_CUR));
        loff_t at = 6, target = 1;
        answers("by offset, to the end", copy_file_range(from, &at, to, &target, 100, 0));
        is("offset", at);
        is("target", target);
        is("place", lseek(to, 0, SEEK_CUR));
        content("/dev/shm/conformance.2");
        at = 100;
        answers("behind the end", copy_file_range(from, &at, to, &target, 5, 0));
        at = 0, target = 4;
        answers("within one file", copy_file_range(from, &at, from, &target, 4, 0));
        content(name);
        at = 0, target = 2;
        answers("overlapping", copy_file_range(from, &at, from, &target, 4, 0));
        close(from);
        close(to);
    });
    scenario(SYS_sendfile, "from a file into a file and a pipe", [] {
        const int from = file_with(name, "abcdefgh");
        const int to = file_with("/dev/shm/conformance.2", "");
        int ends[2];
        needs(pipe(ends));
        off_t at = 5;
        answers("by offset", sendfile(to, from, &at, 100));
        is("offset", at);
        is("place", lseek(from, 0, SEEK_CUR));
        lseek(from, 0, SEEK_SET);
        answers("by place, into a pipe", sendfile(ends[1], from, nullptr, 4));
        is("place", lseek(from, 0, SEEK_CUR));
        answers("out of the pipe", read(ends[0], buffer, 100));
        answers("from a pipe into a file", sendfile(to, ends[0], nullptr, 1));
        for (int fd : {from, to, ends[0], ends[1]}) close(fd);
    });
    scenario(SYS_memfd_create, "seals hold", [] {
        const int file = static_cast<int>(needs(memfd_create("m", MFD_ALLOW_SEALING)));
        const int plain = static_cast<int>(needs(memfd_create("p", 0)));
        is("seals", fcntl(file, F_GET_SEALS));
        is("without sealing", fcntl(plain, F_GET_SEALS));
        answers("seal without sealing", fcntl(plain, F_ADD_SEALS, F_SEAL_GROW));
        needs(ftruncate(file, 10));
        answers("an unknown seal", fcntl(file, F_ADD_SEALS, 0x1000));
        answers("may not grow", fcntl(file, F_ADD_SEALS, F_SEAL_GROW));
        answers("grow", ftruncate(file, 20));
        answers("write beyond the end", pwrite(file, "xyz", 3, 9));
        answers("shrink", ftruncate(file, 5));
        answers("may not shrink", fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK));
        answers("shrink", ftruncate(file, 2));
        answers("forbid writing", fcntl(file, F_ADD_SEALS, F_SEAL_WRITE));
        answers("write", write(file, "x", 1));
        holds("map to write", mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, file, 0) != MAP_FAILED);
        answers("forbid more seals", fcntl(file, F_ADD_SEALS, F_SEAL_SEAL));
        answers("one more seal", fcntl(file, F_ADD_SEALS, F_SEAL_GROW));
        is("seals", fcntl(file, F_GET_SEALS));
        close(file);
        close(plain);
    });
}

}  // namespace

int main() {
    wrong_arguments();
    status_flags();
    sizes_and_holes();
    copies();
    unlink(name);
    unlink("/dev/shm/conformance.2");
}
