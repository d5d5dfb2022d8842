// SPDX-License-Identifier: Apache-2.0
// C++20 coroutines: a generator, and tasks resumed on other threads, also with exceptions.
#include <coroutine>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

class Generator {
public:
    struct promise_type {
        unsigned long value = 0;
        Generator get_return_object() { return Generator(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        std::suspend_always yield_value(unsigned long next) {
            value = next;
            return {};
        }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    explicit Generator(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    Generator(Generator&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    ~Generator() {
        if (handle_) handle_.destroy();
    }
    unsigned long next() {
        handle_.resume();
        return handle_.promise().value;
    }

private:
    std::coroutine_handle<promise_type> handle_;
};

Generator fibonacci() {
    for (unsigned long a = 0, b = 1;;) {
        co_yield a;
        a = std::exchange(b, a + b);
    }
}

struct Task {
    struct promise_type {
        std::exception_ptr* failure = nullptr;
        Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { *failure = std::current_exception(); }
    };
    std::coroutine_handle<promise_type> handle;
};

struct OnNewThread {
    std::thread& thread;
    bool await_ready() { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        thread = std::thread([handle] { handle.resume(); });
    }
    void await_resume() {}
};

Task hop(std::thread& thread, std::thread::id& second) {
    co_await OnNewThread{thread};
    second = std::this_thread::get_id();
    throw std::runtime_error("after the hop");
}

}  // namespace

int main() {
    auto numbers = fibonacci();
    unsigned long last = 0;
    for (int i = 0; i <= 50; ++i) last = numbers.next();
    check_equal(last, 12586269025ul);
    passed("generator");

    std::thread thread;
    std::thread::id second;
    std::exception_ptr failure;
    const Task task = hop(thread, second);
    task.handle.promise().failure = &failure;
    task.handle.resume();
    thread.join();
    check(second != std::this_thread::get_id() && second != std::thread::id());
    try {
        std::rethrow_exception(failure);
    } catch (const std::runtime_error& error) {
        check_equal(std::string(error.what()), "after the hop");
    }
    task.handle.destroy();
    passed("resumed on another thread");
}
