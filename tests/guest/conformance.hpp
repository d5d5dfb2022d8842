// SPDX-License-Identifier: Apache-2.0
// What a conformance program is made of: tables of calls with one answer each, and scenarios, in which a call waits, is
// woken or changes what others answer. Every line that they print must be the native run's. A case names its call as
// SYS_name at its beginning: tests/support/check_compatibility.py counts on it.
//
//     answer_all({{SYS_close, "no descriptor", no_fd}, ...});
//     scenario(SYS_read, "an empty pipe waits for a byte", [] {
//         Caller reader([=] { return read(end, buffer, 8); });
//         reader.sleeps();                          // "waits"
//         write(other_end, "x", 1);
//         answers("then", reader.join());           // "then: 1"
//     });
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <thread>

namespace conformance {

constexpr long nowhere = 0x10;  // an address where nothing is
constexpr long no_fd = 9999;
inline char buffer[1 << 16];  // the first page is zeroes before each call of a table

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
    long number;
    const char* what;
    Word a{}, b{}, c{}, d{}, e{}, f{};
};

inline const char* name_of(long number) {
    switch (number) {
#define HUSK_SYSCALL(value, name, handler) \
    case value:                            \
        return #name;
#include "guest-runtime/abi/include/husk/abi/linux_calls.def"
#undef HUSK_SYSCALL
        default:
            return "unknown";
    }
}

// A call's result and errno as they were when it returned.
struct Answer {
    long result;
    int error;
    Answer(long value) : result(value), error(errno) {}
};

// A large result is an address, an id or a time, which no two runs have in common.
inline void print_answer(const Answer& answer) {
    if (answer.result == -1) {
        std::printf("%s\n", strerrorname_np(answer.error));
    } else if (answer.result >= 0 && answer.result <= 1 << 20) {
        std::printf("%ld\n", answer.result);
    } else {
        std::printf("a value\n");
    }
}

inline void answer_all(std::initializer_list<Row> rows) {
    for (const Row& row : rows) {
        std::memset(buffer, 0, 4096);
        errno = 0;
        const Answer answer =
            syscall(row.number, row.a.value, row.b.value, row.c.value, row.d.value, row.e.value, row.f.value);
        std::printf("%s: %s: ", name_of(row.number), row.what);
        print_answer(answer);
        std::fflush(stdout);
    }
}

template <class Body>
void scenario(long number, const char* what, Body body) {
    std::printf("%s: %s\n", name_of(number), what);
    body();
    std::fflush(stdout);
}

// Lines of a scenario.
inline void answers(const char* what, const Answer& answer) {
    std::printf("    %s: ", what);
    print_answer(answer);
}
inline void is(const char* what, long long value) { std::printf("    %s: %lld\n", what, value); }
inline void is(const char* what, const char* text) { std::printf("    %s: %s\n", what, text); }
inline void holds(const char* what, bool so) { std::printf("    %s: %s\n", what, so ? "yes" : "no"); }

// Ends a program whose preparations fail: nothing after that would mean anything.
inline long needs(long result) {
    if (result >= 0) return result;
    std::perror("conformance: a preparation failed");
    std::_Exit(1);
}

// How long something takes, in milliseconds.
class Stopwatch {
public:
    [[nodiscard]] long ms() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin_).count();
    }

private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

inline void rest_ms(long ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// Whether the kernel shows the thread as sleeping.
inline bool is_asleep(long tid) {
    char path[64], text[256] = {};
    std::snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
    const int fd = open(path, O_RDONLY);
    if (fd < 0) return false;
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    const char* state = size > 0 ? std::strrchr(text, ')') : nullptr;
    return state != nullptr && state[2] == 'S';
}

// One thread in one call.
class Caller {
public:
    template <class Call>
    explicit Caller(Call call)
        : thread_([this, call] {
              tid_ = syscall(SYS_gettid);
              errno = 0;
              const Answer answer = call();
              result_ = answer.result;
              error_ = answer.error;
              is_back_ = true;
          }) {}
    Caller(const Caller&) = delete;
    ~Caller() {
        if (thread_.joinable()) thread_.join();
    }

    // Returns once the call sleeps, seen twice some time apart; says so if it returned instead.
    void sleeps() {
        for (int seen = 0; seen < 3 && !is_back_;) {
            seen = tid_ != 0 && is_asleep(tid_) ? seen + 1 : 0;
            rest_ms(4);
        }
        if (is_back_) std::printf("    does not wait\n");
    }
    // The same, as a line of the scenario.
    void waits() {
        sleeps();
        if (!is_back_) std::printf("    waits\n");
    }
    [[nodiscard]] bool is_back() const { return is_back_; }
    [[nodiscard]] long tid() const { return tid_; }
    void signal(int number) { pthread_kill(thread_.native_handle(), number); }
    Answer join() {
        thread_.join();
        Answer answer(result_);
        answer.error = error_;
        return answer;
    }

private:
    std::atomic<long> tid_ = 0;
    std::atomic<bool> is_back_ = false;
    long result_ = 0;
    int error_ = 0;
    std::thread thread_;
};

inline std::atomic<int> handled = 0;

// A handler for the time of one scenario; it counts into `handled`.
class Handler {
public:
    explicit Handler(int number, int flags = 0) : number_(number) {
        struct sigaction action = {};
        action.sa_handler = [](int) { ++handled; };
        action.sa_flags = flags;
        handled = 0;
        sigaction(number, &action, &old_);
    }
    Handler(const Handler&) = delete;
    ~Handler() { sigaction(number_, &old_, nullptr); }

private:
    int number_;
    struct sigaction old_ = {};
};

// What a waiting call does with a handled signal. Without SA_RESTART, and with it: then `wake` must end the call.
template <class Call>
void interrupted(Call call, const std::function<void()>& wake) {
    {
        Handler handler(SIGUSR1);
        Caller caller(call);
        caller.sleeps();
        caller.signal(SIGUSR1);
        answers("a signal", caller.join());
    }
    Handler handler(SIGUSR1, SA_RESTART);
    Caller caller(call);
    caller.sleeps();
    caller.signal(SIGUSR1);
    while (handled == 0) rest_ms(1);
    for (int i = 0; i < 5 && !caller.is_back(); ++i) rest_ms(10);
    std::printf("    a signal with SA_RESTART: %s\n", caller.is_back() ? "the call ends" : "the call goes on");
    wake();
    answers("at the end", caller.join());
}

}  // namespace conformance
