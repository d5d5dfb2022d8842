// SPDX-License-Identifier: Apache-2.0
// Uses much of libc and libstdc++ with every patched site in use. Exits with 0 when all answers were right.
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csetjmp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <mutex>
#include <numeric>
#include <random>
#include <regex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/unit/toolchain/native/self_patch.hpp"

namespace {

int failures = 0;

void check(bool ok, const char* what) {
    if (ok) return;
    std::cerr << "wrong: " << what << '\n';
    ++failures;
}

void use_threads() {
    std::mutex mutex;
    std::condition_variable changed;
    int turn = 0;
    long sum = 0;
    std::vector<std::thread> threads;
    for (int id = 0; id < 8; ++id) {
        threads.emplace_back([&, id] {
            for (int round = 0; round < 50; ++round) {
                std::unique_lock lock(mutex);
                changed.wait(lock, [&] { return turn % 8 == id; });
                ++turn;
                sum += id;
                changed.notify_all();
            }
        });
    }
    for (auto& thread : threads) thread.join();
    check(turn == 400 && sum == 28 * 50, "eight threads taking turns");
    std::once_flag once;
    int calls = 0;
    std::call_once(once, [&] { ++calls; });
    check(calls == 1, "call_once");
    check(std::async(std::launch::async, [] { return 42; }).get() == 42, "async");
}

void use_exceptions() {
    int caught = 0;
    for (int i = 0; i < 100; ++i) {
        try {
            std::vector<int>().at(static_cast<std::size_t>(i));
        } catch (const std::out_of_range&) {
            ++caught;
        }
    }
    std::thread([&] {
        try {
            (void)std::filesystem::file_size("/does/not/exist");
        } catch (const std::filesystem::filesystem_error&) {
            ++caught;
        }
    }).join();
    check(caught == 101, "exceptions in two threads");
}

void use_files() {
    const auto folder = std::filesystem::temp_directory_path() / ("husk-workload-" + std::to_string(getpid()));
    std::filesystem::create_directory(folder);
    for (int i = 0; i < 5; ++i) std::ofstream(folder / std::to_string(i)) << "line " << i << '\n';
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        std::ifstream in(entry.path());
        std::string word;
        int number = -1;
        in >> word >> number;
        files += word == "line" && std::to_string(number) == entry.path().filename() ? 1 : 0;
    }
    check(files == 5, "files written and read");
    check(std::filesystem::remove_all(folder) == 6, "files removed");
}

volatile sig_atomic_t alarms = 0;
std::jmp_buf back;
int* volatile nowhere = nullptr;

void use_signals() {
    struct sigaction action {};
    action.sa_handler = [](int) { alarms = alarms + 1; };
    sigaction(SIGALRM, &action, nullptr);
    itimerval timer{{0, 2000}, {0, 2000}};
    setitimer(ITIMER_REAL, &timer, nullptr);
    while (alarms < 5) pause();
    timer = {};
    setitimer(ITIMER_REAL, &timer, nullptr);
    check(alarms >= 5, "alarms");

    stack_t stack{};
    std::vector<char> memory(static_cast<std::size_t>(SIGSTKSZ));
    stack.ss_sp = memory.data();
    stack.ss_size = memory.size();
    sigaltstack(&stack, nullptr);
    action.sa_handler = [](int) { std::longjmp(back, 1); };
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &action, nullptr);
    bool came_back = false;
    if (setjmp(back) == 0) {
        *nowhere = 1;
    } else {
        came_back = true;
    }
    check(came_back, "longjmp out of a handler on its own stack");
}

void use_sockets_and_polling() {
    int pair[2];
    check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    const int epoll = epoll_create1(0);
    epoll_event event{EPOLLIN, {}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event);
    std::thread writer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        check(write(pair[1], "hello", 5) == 5, "write");
    });
    check(epoll_wait(epoll, &event, 1, 5000) == 1, "epoll_wait");
    char text[8] = {};
    check(recv(pair[0], text, sizeof text, 0) == 5 && std::string(text) == "hello", "recv");
    writer.join();
    pollfd wanted{pair[0], POLLIN, 0};
    check(poll(&wanted, 1, 1) == 0, "poll that times out");
    close(pair[0]), close(pair[1]), close(epoll);
}

void use_processes() {
    const pid_t child = fork();
    if (child == 0) _exit(7);
    int status = 0;
    check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7, "fork and wait");
    check(std::system("exit 3") == 3 << 8, "system");
}

// Red zone, flags and all registers but rax, rcx and r11 must survive.
void use_raw_system_calls() {
    long result = 0;
    bool ok = false;
    asm volatile(
        "movq $0x1234567, -8(%%rsp)\n"
        "movq $0x89abcde, -128(%%rsp)\n"
        "mov %[number], %%eax\n"
        "stc\n"
        "syscall\n"
        "setc %b[ok]\n"
        "cmpq $0x1234567, -8(%%rsp)\n"
        "jne 1f\n"
        "cmpq $0x89abcde, -128(%%rsp)\n"
        "je 2f\n"
        "1: xor %k[ok], %k[ok]\n"
        "2:\n"
        : "=&a"(result), [ok] "+b"(ok)
        : [number] "i"(SYS_getpid)
        : "rcx", "r11", "memory", "cc");
    check(ok && result == getpid(), "a raw system call keeps flags and red zone");

    // Only instructions behind it can move.
    long expected = getppid();
    asm volatile(
        "mov %[number], %%eax\n"
        "jmp 1f\n"
        "1: syscall\n"
        "cmp $-4096, %%rax\n"
        "jbe 2f\n"
        "xor %%eax, %%eax\n"
        "2:\n"
        : "=&a"(result)
        : [number] "i"(SYS_getppid)
        : "rcx", "r11", "memory", "cc");
    check(result == expected, "a system call that is a jump target");
    check(syscall(SYS_gettid) == getpid() && syscall(-1L) == -1 && errno == ENOSYS, "syscall(2)");
}

}  // namespace

int main() {
    const std::uint32_t applied = husk::test::apply_own_patch_table();
    use_raw_system_calls();
    use_threads();
    use_exceptions();
    use_files();
    use_signals();
    use_sockets_and_polling();
    use_processes();
    check(std::regex_match("abc", std::regex("a.c")), "regex");
    check(std::random_device()() != std::random_device()(), "random_device");
    check(native_syscall_count > (applied < 100 ? 0 : 1000), "patched sites were used");
    std::cout << applied << " sites patched, " << native_syscall_count << " system calls through stubs, " << failures
              << " failures" << std::endl;
    return failures == 0 ? 0 : 1;
}
