// SPDX-License-Identifier: Apache-2.0
// What each call answers to arguments that are wrong or at an edge: one line for each, which must be the native run's.
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace {

// An argument of a call: a number or an address.
struct Word {
    long value = 0;
    Word() = default;
    Word(long number) : value(number) {}
    Word(int number) : value(number) {}
    Word(unsigned number) : value(number) {}
    Word(unsigned long number) : value(static_cast<long>(number)) {}
    // SAFETY: only a number for the kernel; it is not turned back into a pointer.
    Word(const void* address) : value(reinterpret_cast<long>(address)) {}
};

struct Row {
    const char* what;
    long number;
    Word a{}, b{}, c{}, d{}, e{}, f{};
};

constexpr long nowhere = 0x10;  // an address where nothing is
constexpr long no_fd = 9999;

char buffer[4096];
const timespec bad_time{0, 2'000'000'000};
const timespec no_time{0, 0};
const itimerspec bad_timer{{0, 0}, {0, -1}};
const rlimit upside_down{2, 1};
const iovec one_byte{buffer, 1};
unsigned futex_word = 1;

}  // namespace

int main() {
    const int file = open("/tmp/conformance", O_RDWR | O_CREAT | O_TRUNC, 0644);
    const int reader = open("/tmp/conformance", O_RDONLY);
    const int directory = open("/tmp", O_RDONLY | O_DIRECTORY);
    const int path = open("/tmp/conformance", O_PATH);
    const int epoll = epoll_create1(0);
    const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    const int tcp = socket(AF_INET, SOCK_STREAM, 0);
    int ends[2];
    if (pipe2(ends, O_NONBLOCK) != 0 || timer < 0 || tcp < 0) return 1;
    const char* name = "/tmp/conformance";
    const Row rows[] = {
        {"read no descriptor", SYS_read, no_fd, buffer, 1},
        {"read a bad buffer", SYS_read, open("/dev/zero", O_RDONLY), nowhere, 1},
        {"read a directory", SYS_read, directory, buffer, 1},
        {"read write-only", SYS_read, ends[1], buffer, 1},
        {"read an O_PATH descriptor", SYS_read, path, buffer, 1},
        {"read an empty pipe", SYS_read, ends[0], buffer, 1},
        {"read an idle timer", SYS_read, timer, buffer, 8},
        {"read a timer into too little", SYS_read, timer, buffer, 7},
        {"read an unconnected socket", SYS_read, tcp, buffer, 1},
        {"write read-only", SYS_write, reader, buffer, 1},
        {"write from a bad buffer", SYS_write, ends[1], nowhere, 1},
        {"write an epoll", SYS_write, epoll, buffer, 1},
        {"open a missing file", SYS_open, "/tmp/not there", O_RDONLY},
        {"open exclusively what is there", SYS_open, name, O_CREAT | O_EXCL | O_RDWR, 0644},
        {"open a directory to write", SYS_open, "/tmp", O_WRONLY},
        {"open a file as a directory", SYS_open, name, O_DIRECTORY},
        {"open below a file", SYS_open, "/tmp/conformance/x", O_RDONLY},
        {"open nothing", SYS_open, "", O_RDONLY},
        {"open a bad name", SYS_open, nowhere, O_RDONLY},
        {"openat with no directory", SYS_openat, no_fd, "x", O_RDONLY},
        {"openat with a file as directory", SYS_openat, file, "x", O_RDONLY},
        {"openat absolute with no directory", SYS_openat, no_fd, "/tmp", O_RDONLY},
        {"close no descriptor", SYS_close, no_fd},
        {"close a negative one", SYS_close, -1},
        {"fstat no descriptor", SYS_fstat, no_fd, buffer},
        {"fstat to a bad buffer", SYS_fstat, file, nowhere},
        {"newfstatat empty without a flag", SYS_newfstatat, file, "", buffer, 0},
        {"newfstatat with an unknown flag", SYS_newfstatat, file, "", buffer, 0x40000},
        {"statx with an unknown flag", SYS_statx, file, "", 0x40000, 0, buffer},
        {"lseek a pipe", SYS_lseek, ends[0], 0, SEEK_SET},
        {"lseek before the start", SYS_lseek, file, -1, SEEK_SET},
        {"lseek with an unknown origin", SYS_lseek, file, 0, 99},
        {"lseek to data behind the end", SYS_lseek, file, 100, SEEK_DATA},
        {"pread at a negative offset", SYS_pread64, file, buffer, 1, -1},
        {"pread a pipe", SYS_pread64, ends[0], buffer, 1, 0},
        {"pwrite a pipe", SYS_pwrite64, ends[1], buffer, 1, 0},
        {"readv too many", SYS_readv, file, buffer, 1025},
        {"readv none", SYS_readv, file, buffer, 0},
        {"writev a negative number", SYS_writev, file, buffer, -1},
        {"preadv2 with an unknown flag", SYS_preadv2, file, &one_byte, 1, 0, 0, 0x1000},
        {"ftruncate read-only", SYS_ftruncate, reader, 0},
        {"ftruncate to less than nothing", SYS_ftruncate, file, -1},
        {"ftruncate a pipe", SYS_ftruncate, ends[1], 0},
        {"truncate a directory", SYS_truncate, "/tmp", 0},
        {"fallocate nothing", SYS_fallocate, file, 0, 0, 0},
        {"fallocate with an unknown mode", SYS_fallocate, file, 0x8000, 0, 1},
        {"fallocate a pipe", SYS_fallocate, ends[1], 0, 0, 1},
        {"fsync a pipe", SYS_fsync, ends[0]},
        {"fsync no descriptor", SYS_fsync, no_fd},
        {"dup no descriptor", SYS_dup, no_fd},
        {"dup2 onto itself", SYS_dup2, no_fd, no_fd},
        {"dup3 onto itself", SYS_dup3, file, file, 0},
        {"dup3 with an unknown flag", SYS_dup3, file, 50, 1},
        {"dup2 beyond the limit", SYS_dup2, file, 1 << 30},
        {"fcntl with an unknown command", SYS_fcntl, file, 9876, 0},
        {"fcntl F_DUPFD below nothing", SYS_fcntl, file, F_DUPFD, -1},
        {"fcntl F_GETPIPE_SZ of a file", SYS_fcntl, file, F_GETPIPE_SZ, 0},
        {"fcntl F_GETLK to a bad place", SYS_fcntl, file, F_GETLK, nowhere},
        {"flock with an unknown operation", SYS_flock, file, 77},
        {"ioctl unknown", SYS_ioctl, file, 0x1234, 0},
        {"ioctl TCGETS of a file", SYS_ioctl, file, 0x5401, buffer},
        {"mkdir what is there", SYS_mkdir, "/tmp", 0755},
        {"mkdir below nothing", SYS_mkdir, "/tmp/not there/x", 0755},
        {"rmdir a file", SYS_rmdir, name},
        {"rmdir a dot", SYS_rmdir, "/tmp/."},
        {"unlink a directory", SYS_unlink, "/tmp"},
        {"unlinkat with an unknown flag", SYS_unlinkat, AT_FDCWD, name, 0x10},
        {"rename nothing", SYS_rename, "/tmp/not there", "/tmp/y"},
        {"rename a file onto a directory", SYS_rename, name, "/tmp"},
        {"renameat2 with both flags", SYS_renameat2, AT_FDCWD, name, AT_FDCWD, "/tmp/y", 3},
        {"renameat2 onto what is there", SYS_renameat2, AT_FDCWD, name, AT_FDCWD, name, 1},
        {"link onto itself", SYS_link, name, name},
        {"link a directory", SYS_link, "/tmp", "/tmp/y"},
        {"symlink nothing", SYS_symlink, "", "/tmp/y"},
        {"readlink a file", SYS_readlink, name, buffer, 10},
        {"readlink into nothing", SYS_readlink, "/proc/self/exe", buffer, 0},
        {"access with an unknown mode", SYS_access, name, 8},
        {"faccessat2 with an unknown flag", SYS_faccessat2, AT_FDCWD, name, 0, 0x4000},
        {"chdir to a file", SYS_chdir, name},
        {"fchdir to a file", SYS_fchdir, file},
        {"getcwd into too little", SYS_getcwd, buffer, 0},
        {"getdents64 of a file", SYS_getdents64, file, buffer, 4096},
        {"getdents64 into too little", SYS_getdents64, directory, buffer, 4},
        {"fchmod an O_PATH descriptor", SYS_fchmod, path, 0644},
        {"utimensat with a bad time", SYS_utimensat, AT_FDCWD, name, &bad_time, 0},
        {"copy_file_range with a flag", SYS_copy_file_range, reader, 0, file, 0, 1, 1},
        {"close_range upside down", SYS_close_range, 60, 50, 0},
        {"close_range with an unknown flag", SYS_close_range, 60, 60, 1},
        {"openat2 with too little", SYS_openat2, AT_FDCWD, name, buffer, 8},
        {"pipe2 with an unknown flag", SYS_pipe2, buffer, 1},
        {"pipe2 to a bad place", SYS_pipe2, nowhere, 0},
        {"poll a bad array", SYS_poll, nowhere, 1, 0},
        {"ppoll with a bad time", SYS_ppoll, buffer, 0, &bad_time, 0, 8},
        {"select a negative number", SYS_select, -1, 0, 0, 0, 0},
        {"epoll_create of nothing", SYS_epoll_create, 0},
        {"epoll_create1 with an unknown flag", SYS_epoll_create1, 1},
        {"epoll_ctl a file", SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, file, buffer},
        {"epoll_ctl itself", SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, epoll, buffer},
        {"epoll_ctl change what is not there", SYS_epoll_ctl, epoll, EPOLL_CTL_MOD, ends[0], buffer},
        {"epoll_ctl take what is not there", SYS_epoll_ctl, epoll, EPOLL_CTL_DEL, ends[0], buffer},
        {"epoll_ctl of no epoll", SYS_epoll_ctl, file, EPOLL_CTL_ADD, ends[0], buffer},
        {"epoll_wait for none", SYS_epoll_wait, epoll, buffer, 0, 0},
        {"eventfd2 with an unknown flag", SYS_eventfd2, 0, 4},
        {"signalfd4 with a wrong size", SYS_signalfd4, -1, buffer, 4, 0},
        {"timerfd_create with an unknown clock", SYS_timerfd_create, 99, 0},
        {"timerfd_settime with a bad time", SYS_timerfd_settime, timer, 0, &bad_timer, 0},
        {"timerfd_settime of a file", SYS_timerfd_settime, file, 0, buffer, 0},
        {"timer_create with an unknown clock", SYS_timer_create, 99, 0, buffer},
        {"timer_delete nothing", SYS_timer_delete, 77},
        {"clock_gettime with an unknown clock", SYS_clock_gettime, 99, buffer},
        {"clock_getres to a bad place", SYS_clock_getres, CLOCK_MONOTONIC, nowhere},
        {"nanosleep a bad time", SYS_nanosleep, &bad_time, 0},
        {"clock_nanosleep with an unknown clock", SYS_clock_nanosleep, 99, 0, &no_time, 0},
        {"setitimer unknown", SYS_setitimer, 9, buffer, 0},
        {"mmap nothing", SYS_mmap, 0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0},
        {"mmap neither shared nor private", SYS_mmap, 0, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0},
        {"mmap at an odd offset", SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, file, 1},
        {"mmap no descriptor", SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, no_fd, 0},
        {"mmap shared to write, read-only", SYS_mmap, 0, 4096, PROT_WRITE, MAP_SHARED, reader, 0},
        {"mmap a pipe", SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE, ends[0], 0},
        {"munmap an odd address", SYS_munmap, 0x1001, 4096},
        {"munmap nothing", SYS_munmap, 0x1000, 0},
        {"mprotect where nothing is", SYS_mprotect, 0x10000, 4096, PROT_READ},
        {"mprotect an odd address", SYS_mprotect, 0x10001, 4096, PROT_READ},
        {"madvise unknown", SYS_madvise, 0x10000, 4096, 999},
        {"msync with both flags", SYS_msync, 0x10000, 4096, MS_SYNC | MS_ASYNC},
        {"mremap with an unknown flag", SYS_mremap, 0x10000, 4096, 8192, 64},
        {"mlock where nothing is", SYS_mlock, 0x10000, 4096},
        {"memfd_create with an unknown flag", SYS_memfd_create, "x", 0x8000},
        {"futex wait for another value", SYS_futex, &futex_word, FUTEX_WAIT, 2, 0},
        {"futex wait with a bad time", SYS_futex, &futex_word, FUTEX_WAIT, 1, &bad_time},
        {"futex wait no time", SYS_futex, &futex_word, FUTEX_WAIT, 1, &no_time},
        {"futex at an odd address", SYS_futex, 0x1001, FUTEX_WAIT, 1, 0},
        {"futex unknown", SYS_futex, &futex_word, 99, 0, 0},
        {"kill with no such signal", SYS_kill, 0, 999},
        {"tgkill nobody", SYS_tgkill, 1, -1, 0},
        {"rt_sigaction of SIGKILL", SYS_rt_sigaction, SIGKILL, buffer, 0, 8},
        {"rt_sigaction with a wrong size", SYS_rt_sigaction, SIGUSR1, 0, 0, 4},
        {"rt_sigprocmask unknown", SYS_rt_sigprocmask, 9, buffer, 0, 8},
        {"sigaltstack too small", SYS_sigaltstack, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 0},
        {"getrlimit unknown", SYS_getrlimit, 99, buffer},
        {"setrlimit upside down", SYS_setrlimit, RLIMIT_NOFILE, &upside_down},
        {"getrusage unknown", SYS_getrusage, 9, buffer},
        {"getpriority unknown", SYS_getpriority, 9, 0},
        {"sched_setaffinity to none", SYS_sched_setaffinity, 0, 8, buffer},
        {"sched_get_priority_max unknown", SYS_sched_get_priority_max, 99},
        {"prctl unknown", SYS_prctl, 0x7777, 0, 0, 0, 0},
        {"arch_prctl unknown", SYS_arch_prctl, 0x7777, 0},
        {"getrandom with an unknown flag", SYS_getrandom, buffer, 1, 0x80},
        {"socket of an unknown family", SYS_socket, 99, SOCK_STREAM, 0},
        {"socket of an unknown type", SYS_socket, AF_INET, 77, 0},
        {"socketpair of AF_INET", SYS_socketpair, AF_INET, SOCK_STREAM, 0, buffer},
        {"bind a file", SYS_bind, file, buffer, 16},
        {"bind too short", SYS_bind, tcp, buffer, 1},
        {"accept without listen", SYS_accept, tcp, 0, 0},
        {"getpeername unconnected", SYS_getpeername, tcp, buffer, buffer + 64},
        {"getsockopt of an unknown option", SYS_getsockopt, tcp, SOL_SOCKET, 9999, buffer, buffer + 64},
        {"setsockopt too short", SYS_setsockopt, tcp, SOL_SOCKET, SO_REUSEADDR, buffer, 1},
        {"shutdown unconnected", SYS_shutdown, tcp, 0},
        {"shutdown unknown", SYS_shutdown, tcp, 9},
        {"sendto unconnected", SYS_sendto, tcp, buffer, 1, MSG_NOSIGNAL, 0, 0},
        {"listen on a file", SYS_listen, file, 1},
    };
    for (const Row& row : rows) {
        std::memset(buffer, 0, sizeof buffer);
        const long result =
            syscall(row.number, row.a.value, row.b.value, row.c.value, row.d.value, row.e.value, row.f.value);
        std::printf("%s: %s\n", row.what, result == -1 ? strerrorname_np(errno) : "no error");
    }
}
