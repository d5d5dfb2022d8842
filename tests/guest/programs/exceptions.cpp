// SPDX-License-Identifier: Apache-2.0
// Exceptions across frames and threads: unwinding runs destructors, rethrow and nesting keep the type.
#include <exception>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/guest/check.hpp"

using namespace guest_test;

namespace {

int alive = 0;

struct Tracked {
    Tracked() { ++alive; }
    Tracked(const Tracked&) { ++alive; }
    ~Tracked() { --alive; }
};

[[gnu::noinline]] int descend(int depth) {
    const Tracked here;
    if (depth == 0) throw std::out_of_range("bottom");
    return descend(depth - 1) + alive;
}

void across_frames() {
    try {
        (void)descend(200);
        check(false);
    } catch (const std::logic_error& error) {
        check_equal(std::string(error.what()), "bottom");
    }
    check_equal(alive, 0);
}

void rethrown_and_nested() {
    try {
        try {
            throw 42;
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outer"));
        }
    } catch (const std::exception& outer) {
        check_equal(std::string(outer.what()), "outer");
        try {
            std::rethrow_if_nested(outer);
            check(false);
        } catch (int inner) {
            check_equal(inner, 42);
        }
    }
    check_equal(std::uncaught_exceptions(), 0);
}

void through_library_frames() {
    const std::function<void(int)> thrower = [](int value) {
        if (value == 3) throw std::string("three");
    };
    try {
        const std::vector<int> values{1, 2, 3, 4};
        for (const int value : values) thrower(value);
        check(false);
    } catch (const std::string& text) {
        check_equal(text, "three");
    }
    try {
        (void)std::vector<int>{}.at(7);
        check(false);
    } catch (const std::out_of_range&) {
    }
}

void across_threads() {
    std::exception_ptr carried;
    std::thread thrower([&] {
        try {
            (void)descend(50);
        } catch (...) {
            carried = std::current_exception();
        }
    });
    thrower.join();
    check(carried != nullptr);
    try {
        std::rethrow_exception(carried);
    } catch (const std::out_of_range& error) {
        check_equal(std::string(error.what()), "bottom");
    }
    auto result = std::async(std::launch::async, []() -> int { throw std::runtime_error("from async"); });
    try {
        (void)result.get();
        check(false);
    } catch (const std::runtime_error& error) {
        check_equal(std::string(error.what()), "from async");
    }
}

void in_many_threads() {
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([] {
            for (int i = 0; i < 2000; ++i) {
                try {
                    throw std::runtime_error(std::to_string(i));
                } catch (const std::exception& error) {
                    check_equal(std::stoi(error.what()), i);
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
}

}  // namespace

int main() {
    across_frames();
    passed("across frames");
    rethrown_and_nested();
    passed("rethrown and nested");
    through_library_frames();
    passed("through library frames");
    across_threads();
    passed("across threads");
    in_many_threads();
    passed("in many threads");
}
