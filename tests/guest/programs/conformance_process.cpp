// SPDX-License-Identifier: Apache-2.0
// The process: who it is, its limits and names, random bytes, and calls that a VM cannot serve but must refuse rightly.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "tests/guest/conformance.hpp"

using namespace conformance;

namespace {

const rlimit upside_down{2, 1};

void wrong_arguments() {
    static char long_path[5000];
    std::memset(long_path, 'x', sizeof long_path - 1);
    const pid_t me = getpid();
    __user_cap_header_struct old_version{0x1234, 0}, strange{0x1234, 0}, version_3{_LINUX_CAPABILITY_VERSION_3, 0},
        nobody{_LINUX_CAPABILITY_VERSION_3, 0x3ffffff}, negative{_LINUX_CAPABILITY_VERSION_3, -5};
    answer_all({
        {SYS_uname, "a bad place", nowhere},
        {SYS_sethostname, "a negative length", "x", -1},
        {SYS_sethostname, "too long", buffer, 65},
        {SYS_sethostname, "a bad place", nowhere, 4},
        {SYS_getrlimit, "unknown", 99, buffer},
        {SYS_getrlimit, "a bad place", RLIMIT_NOFILE, nowhere},
        {SYS_getrlimit, "RLIMIT_CORE", RLIMIT_CORE, buffer},
        {SYS_setrlimit, "upside down", RLIMIT_NOFILE, &upside_down},
        {SYS_setrlimit, "unknown", 99, &upside_down},
        {SYS_setrlimit, "a bad place", RLIMIT_NOFILE, nowhere},
        {SYS_prlimit64, "nobody", 0x3ffffff, RLIMIT_NOFILE, 0, buffer},
        {SYS_prlimit64, "unknown", 0, 99, 0, buffer},
        {SYS_prlimit64, "neither old nor new", 0, RLIMIT_NOFILE, 0, 0},
        {SYS_prlimit64, "the own id", me, RLIMIT_NOFILE, 0, buffer},
        {SYS_prlimit64, "upside down", 0, RLIMIT_NOFILE, &upside_down, 0},
        {SYS_prlimit64, "a bad place", 0, RLIMIT_NOFILE, 0, nowhere},
        {SYS_getrusage, "unknown", 9, buffer},
        {SYS_getrusage, "a bad place", RUSAGE_SELF, nowhere},
        {SYS_getrusage, "RUSAGE_CHILDREN", RUSAGE_CHILDREN, buffer},
        {SYS_getrusage, "RUSAGE_THREAD", RUSAGE_THREAD, buffer},
        {SYS_getpriority, "unknown", 9, 0},
        {SYS_getpriority, "nobody", PRIO_PROCESS, 0x3ffffff},
        {SYS_setpriority, "unknown", 9, 0, 0},
        {SYS_setpriority, "nobody", PRIO_PROCESS, 0x3ffffff, 0},
        {SYS_ioprio_set, "an unknown kind", 99, 0, 0},
        {SYS_ioprio_set, "an unknown class", 1, 0, 5 << 13},
        {SYS_prctl, "unknown", 0x7777, 0, 0, 0, 0},
        {SYS_prctl, "PR_SET_NAME from a bad place", PR_SET_NAME, nowhere, 0, 0, 0},
        {SYS_prctl, "PR_GET_NAME to a bad place", PR_GET_NAME, nowhere, 0, 0, 0},
        {SYS_prctl, "PR_SET_DUMPABLE to nonsense", PR_SET_DUMPABLE, 7, 0, 0, 0},
        {SYS_prctl, "PR_GET_DUMPABLE", PR_GET_DUMPABLE, 0, 0, 0, 0},
        {SYS_prctl, "PR_SET_PDEATHSIG to nonsense", PR_SET_PDEATHSIG, 99, 0, 0, 0},
        {SYS_prctl, "PR_GET_PDEATHSIG", PR_GET_PDEATHSIG, buffer, 0, 0, 0},
        {SYS_prctl, "PR_SET_NO_NEW_PRIVS to nonsense", PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0},
        {SYS_prctl, "PR_GET_TIMERSLACK", PR_GET_TIMERSLACK, 0, 0, 0, 0},
        {SYS_prctl, "PR_SET_THP_DISABLE with more", PR_SET_THP_DISABLE, 1, 1, 0, 0},
        {SYS_prctl, "PR_CAPBSET_READ unknown", PR_CAPBSET_READ, 99, 0, 0, 0},
        {SYS_arch_prctl, "unknown", 0x7777, 0},
        {SYS_execve, "a bad place", nowhere, 0, 0},
        {SYS_execve, "an empty path", "", 0, 0},
        {SYS_execve, "a path that is too long", long_path, 0, 0},
        {SYS_execveat, "a bad place", AT_FDCWD, nowhere, 0, 0, 0},
        {SYS_execveat, "an empty path", AT_FDCWD, "", 0, 0, 0},
        {SYS_execveat, "an unknown flag", AT_FDCWD, "/", 0, 0, 0x40000},
        {SYS_arch_prctl, "ARCH_GET_FS to a bad place", 0x1003, nowhere},
        {SYS_arch_prctl, "ARCH_SET_FS beyond the end", 0x1002, 1l << 60},
        {SYS_getrandom, "an unknown flag", buffer, 1, 0x80},
        {SYS_getrandom, "both sources", buffer, 1, 6},
        {SYS_getrandom, "a bad place", nowhere, 1, 0},
        {SYS_getrandom, "nothing to a bad place", nowhere, 0, 0},
        {SYS_getrandom, "some", buffer, 1000, 0},
        {SYS_getpgid, "nobody", 0x3ffffff},
        {SYS_getpgid, "a negative id", -1},
        {SYS_getsid, "nobody", 0x3ffffff},
        {SYS_setpgid, "a negative id", -1, 0},
        {SYS_setpgid, "a negative group", 0, -1},
        {SYS_setpgid, "nobody", 0x3ffffff, 0},
        {SYS_getuid, "root"},
        {SYS_geteuid, "root"},
        {SYS_getgid, "root's"},
        {SYS_getegid, "root's"},
        {SYS_setuid, "as it is", 0},
        {SYS_setuid, "nobody can be -1", -1},
        {SYS_setgid, "as it is", 0},
        {SYS_setgid, "nobody can be -1", -1},
        {SYS_setreuid, "no change", -1, -1},
        {SYS_setregid, "no change", -1, -1},
        {SYS_setresuid, "no change", -1, -1, -1},
        {SYS_setresgid, "no change", -1, -1, -1},
        {SYS_setresuid, "as it is", 0, 0, 0},
        {SYS_setresgid, "as it is", 0, 0, 0},
        {SYS_getresuid, "a bad place", nowhere, buffer, buffer},
        {SYS_getresgid, "a bad place", buffer, buffer, nowhere},
        {SYS_getresuid, "all", buffer, buffer + 4, buffer + 8},
        {SYS_getresgid, "all", buffer, buffer + 4, buffer + 8},
        {SYS_setfsuid, "what it was", 0},
        {SYS_setfsgid, "what it was", 0},
        {SYS_getgroups, "a negative size", -1, buffer},
        {SYS_setgroups, "too many", 65537, buffer},
        {SYS_setgroups, "a bad place", 1, nowhere},
        {SYS_capget, "an unknown version", &old_version, 0},
        {SYS_capget, "an unknown version, with data", &strange, buffer},
        {SYS_capget, "nobody", &nobody, buffer},
        {SYS_capget, "a negative id", &negative, buffer},
        {SYS_capget, "the own ones", &version_3, buffer},
        {SYS_capget, "a bad place", nowhere, buffer},
        {SYS_capset, "of another", &nobody, buffer},
        {SYS_capset, "a bad place", nowhere, buffer},
        {SYS_personality, "ask", 0xffffffff},
        {SYS_reboot, "without the magic numbers", 0, 0, 0, 0},
        {SYS_reboot, "an unknown command", 0xfee1dead, 672274793, 0x77, 0},
        {SYS_reboot, "a wrong second number", 0xfee1dead, 7, 0xcdef0123, 0},
        {SYS_syslog, "unknown", 99, 0, 0},
        {SYS_umount2, "an unknown flag", "/dev/shm", 0x100},
        {SYS_umount2, "a bad name", nowhere, 0},
        {SYS_mount, "a bad name", 0, nowhere, 0, 0, 0},
        {SYS_chroot, "what is not there", "/dev/shm/missing"},
        {SYS_chroot, "a file", "/dev/null"},
        {SYS_sched_setattr, "a bad place", 0, nowhere, 0},
        {SYS_sched_setattr, "no place", 0, 0, 0},
        {SYS_setdomainname, "a negative length", "x", -1},
        {SYS_setdomainname, "too long", buffer, 65},
    });
}

void identity() {
    scenario(SYS_getpid, "one id in all threads", [] {
        const pid_t me = getpid();
        std::thread([=] { holds("the same", getpid() == me); }).join();
    });
    scenario(SYS_getppid, "another than the own id", [] { holds("differs", getppid() != getpid()); });
    scenario(SYS_getpgrp, "the group is getpgid's", [] { holds("the same", getpgrp() == getpgid(0)); });
    scenario(SYS_getsid, "one's own", [] { holds("a session", getsid(0) >= 0); });
    scenario(SYS_setsid, "makes a session, or one leads already", [] {
        const pid_t session = setsid();
        holds("the own id or EPERM", session == getpid() || (session == -1 && errno == EPERM));
    });
    scenario(SYS_prctl, "a thread's name", [] {
        char name[16];
        answers("set one that is too long", prctl(PR_SET_NAME, "a name that is too long"));
        prctl(PR_GET_NAME, name);
        is("cut", name);
        std::thread([] {
            char inner[16];
            prctl(PR_GET_NAME, inner);
            is("inherited", inner);
            prctl(PR_SET_NAME, "inner");
        }).join();
        prctl(PR_GET_NAME, name);
        is("the own stays", name);
    });
    scenario(SYS_prctl, "flags that are set are told", [] {
        answers("PR_SET_NO_NEW_PRIVS", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        is("told", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
        answers("PR_SET_DUMPABLE", prctl(PR_SET_DUMPABLE, 0));
        is("told", prctl(PR_GET_DUMPABLE));
        prctl(PR_SET_DUMPABLE, 1);
        int signal_number = 0;
        answers("PR_SET_PDEATHSIG", prctl(PR_SET_PDEATHSIG, SIGUSR1));
        prctl(PR_GET_PDEATHSIG, &signal_number);
        is("told", signal_number);
        prctl(PR_SET_PDEATHSIG, 0);
        answers("PR_SET_TIMERSLACK", prctl(PR_SET_TIMERSLACK, 70'000));
        is("told", prctl(PR_GET_TIMERSLACK));
    });
    scenario(SYS_getpriority, "the own one may be set as it is", [] {
        errno = 0;
        const int mine = getpriority(PRIO_PROCESS, 0);
        is("errno", errno);
        answers("set", setpriority(PRIO_PROCESS, 0, mine));
        holds("in range", mine >= -20 && mine <= 19);
    });
    scenario(SYS_uname, "what programs ask for", [] {
        utsname name;
        answers("asked", uname(&name));
        is("system", name.sysname);
        is("machine", name.machine);
    });
    scenario(SYS_umask, "belongs to all threads", [] {
        umask(077);
        std::thread([] { is("in a thread", umask(022)); }).join();
        is("here", umask(022));
    });
}

void limits() {
    scenario(SYS_prlimit64, "RLIMIT_NOFILE holds", [] {
        rlimit old;
        getrlimit(RLIMIT_NOFILE, &old);
        const rlimit few{10, old.rlim_max};
        answers("set", setrlimit(RLIMIT_NOFILE, &few));
        rlimit now;
        prlimit(0, RLIMIT_NOFILE, nullptr, &now);
        is("told", static_cast<long long>(now.rlim_cur));
        int opened = 0;
        while (dup(1) >= 0) ++opened;
        answers("one more", dup(1));
        holds("several before", opened >= 5 && opened <= 7);
        answers("a number beyond", fcntl(1, F_DUPFD, 10));
        answers("a pipe", [] {
            int ends[2];
            return pipe(ends);
        }());
        close(9);
        answers("the one that is free", dup(1));
        for (int fd = 3; fd < 10; ++fd) close(fd);
        setrlimit(RLIMIT_NOFILE, &old);
    });
    scenario(SYS_setrlimit, "RLIMIT_FSIZE holds", [] {
        Handler handler(SIGXFSZ);
        rlimit old;
        getrlimit(RLIMIT_FSIZE, &old);
        const rlimit few{10, old.rlim_max};
        answers("set", setrlimit(RLIMIT_FSIZE, &few));
        const int fd = static_cast<int>(needs(open("/dev/shm/conformance.size", O_RDWR | O_CREAT | O_TRUNC, 0644)));
        answers("up to it", write(fd, "0123456789ab", 12));
        answers("beyond it", write(fd, "c", 1));
        is("signals", handled);
        answers("truncate beyond it", ftruncate(fd, 11));
        is("signals", handled);
        setrlimit(RLIMIT_FSIZE, &old);
        close(fd);
        unlink("/dev/shm/conformance.size");
    });
    scenario(SYS_setrlimit, "a limit may be lowered and raised below its end", [] {
        rlimit old;
        getrlimit(RLIMIT_CORE, &old);
        const rlimit none{0, old.rlim_max};
        answers("none", setrlimit(RLIMIT_CORE, &none));
        rlimit now;
        getrlimit(RLIMIT_CORE, &now);
        is("told", static_cast<long long>(now.rlim_cur));
        answers("as it was", setrlimit(RLIMIT_CORE, &old));
    });
    scenario(SYS_getrusage, "work is counted", [] {
        rusage before, after;
        getrusage(RUSAGE_SELF, &before);
        Stopwatch time;
        do {
            getrusage(RUSAGE_SELF, &after);
        } while (after.ru_utime.tv_sec == before.ru_utime.tv_sec && after.ru_utime.tv_usec == before.ru_utime.tv_usec &&
                 after.ru_stime.tv_sec == before.ru_stime.tv_sec && after.ru_stime.tv_usec == before.ru_stime.tv_usec &&
                 time.ms() < 20'000);
        holds("counted", time.ms() < 20'000);
        holds("memory", after.ru_maxrss > 0);
    });
    scenario(SYS_getrandom, "two answers differ", [] {
        unsigned long first = 0, second = 0;
        answers("first", syscall(SYS_getrandom, &first, sizeof first, 0));
        answers("second", syscall(SYS_getrandom, &second, sizeof second, 1));
        holds("differ", first != second);
    });
    scenario(SYS_sysinfo, "memory and threads", [] {
        long words[16] = {};
        answers("asked", syscall(SYS_sysinfo, words));
        holds("memory", words[4] > 0 && words[5] > 0 && words[5] <= words[4]);
    });
}

// Comes last: nothing runs afterwards.
void ends() {
    scenario(SYS_exit, "of a thread ends that thread only", [] {
        std::atomic<bool> came_back = false;
        std::thread ended([&] {
            // SAFETY: pthread's clean-up is left out; this thread owns nothing.
            syscall(SYS_exit, 7);
            came_back = true;
        });
        ended.join();
        holds("gone", !came_back);
    });
    scenario(SYS_exit_group, "ends all threads, also those that wait", [] {
        int ends[2];
        needs(pipe(ends));
        std::thread([&] {
            char byte;
            (void)!read(ends[0], &byte, 1);
            std::puts("not reached");
        }).detach();
        std::fflush(stdout);
        syscall(SYS_exit_group, 0);
        std::puts("not reached");
    });
}

}  // namespace

int main() {
    wrong_arguments();
    identity();
    limits();
    ends();
}
