// SPDX-License-Identifier: Apache-2.0
// Who and where am I: uname, sysinfo, limits, affinity, prctl, ids, getrandom, rusage, times, auxiliary vector.
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

int main() {
    utsname name{};
    check_equal(uname(&name), 0);
    check_equal(std::string(name.sysname), "Linux");
    check_equal(std::string(name.machine), "x86_64");
    check(std::stoi(name.release) >= 4 && name.nodename[0] != 0);
    char host[256];
    check_equal(gethostname(host, sizeof host), 0);
    passed("uname");

    struct sysinfo info {};
    check_equal(sysinfo(&info), 0);
    check(info.totalram * info.mem_unit > 16ul << 20 && info.freeram <= info.totalram && info.uptime >= 0);
    check(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && sysconf(_SC_PAGESIZE) == 4096 && sysconf(_SC_PHYS_PAGES) > 4096);
    check(get_nprocs() >= 1);
    passed("sysinfo");

    rlimit limit{};
    check_equal(getrlimit(RLIMIT_STACK, &limit), 0);
    check(limit.rlim_cur >= 1 << 20);
    check_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    check(limit.rlim_cur >= 256);
    check_fails(syscall(SYS_prlimit64, 0, 99, nullptr, &limit), EINVAL);
    pthread_attr_t attributes;
    check_equal(pthread_getattr_np(pthread_self(), &attributes), 0);
    void* stack = nullptr;
    std::size_t stack_bytes = 0;
    check_equal(pthread_attr_getstack(&attributes, &stack, &stack_bytes), 0);
    const char here = 0;
    check(&here > stack && &here < static_cast<char*>(stack) + stack_bytes);
    passed("limits and the main stack");

    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    check_equal(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    check(CPU_COUNT(&cpus) >= 1 && sched_getcpu() >= 0);
    check_equal(sched_yield(), 0);
    passed("affinity");

    char comm[16];
    check_equal(prctl(PR_SET_NAME, "renamed"), 0);
    check_equal(prctl(PR_GET_NAME, comm), 0);
    check_equal(std::string(comm), "renamed");
    std::thread other([] {
        char mine[16];
        check_equal(pthread_setname_np(pthread_self(), "worker"), 0);
        check_equal(pthread_getname_np(pthread_self(), mine, sizeof mine), 0);
        check_equal(std::string(mine), "worker");
    });
    other.join();
    check_equal(prctl(PR_GET_NAME, comm), 0);
    check_equal(std::string(comm), "renamed");
    check_fails(prctl(99999, 0, 0, 0, 0), EINVAL);
    passed("names");

    check(getpid() > 0 && gettid() == getpid() && getppid() >= 0 && getuid() == geteuid() && getgid() == getegid());
    std::thread([] { check(gettid() != getpid()); }).join();
    check(getpgrp() >= 0);
    passed("ids");

    std::vector<unsigned char> one(100000), two(100000);
    check_equal(getrandom(one.data(), 32, 0), 32);
    check_equal(getentropy(one.data(), 256), 0);
    for (auto* bytes : {&one, &two}) check_equal(getrandom(bytes->data(), bytes->size(), 0), 100000);
    check(one != two);
    std::vector<int> histogram(256);
    for (const unsigned char byte : one) ++histogram[byte];
    check(*std::min_element(histogram.begin(), histogram.end()) > 200);
    check(*std::max_element(histogram.begin(), histogram.end()) < 650);
    check_fails(getrandom(one.data(), 16, 0x100), EINVAL);
    passed("getrandom");

    rusage usage{};
    check_equal(getrusage(RUSAGE_SELF, &usage), 0);
    check(usage.ru_maxrss > 0);
    tms used{};
    check(times(&used) != -1);
    check_equal(getpriority(PRIO_PROCESS, 0), 0);
    passed("usage");

    check_equal(getauxval(AT_PAGESZ), 4096u);
    check(getauxval(AT_RANDOM) != 0 && getauxval(AT_PHDR) != 0 && getauxval(AT_CLKTCK) == 100);
    passed("auxiliary vector");
}
