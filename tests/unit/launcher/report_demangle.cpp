// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "launcher/host/process.hpp"
#include "launcher/report/crash_text.hpp"

using namespace husk;

namespace {

std::string repeated(const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
}

struct Job {
    std::string name;
    std::string text;
};

// Demangles on a stack of the size that the launcher's threads have. What it leaves untouched of it.
std::size_t untouched_after(Job& job) {
    constexpr std::size_t size_bytes = host::thread_stack_bytes, page = 4096;
    constexpr std::byte untouched{0x5a};
    std::vector<std::byte> room(size_bytes + page, untouched);
    void* begin = room.data();
    std::size_t left = room.size();
    REQUIRE(std::align(page, size_bytes, begin, left) != nullptr);
    pthread_attr_t attributes;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setstack(&attributes, begin, size_bytes) == 0);
    auto run = [](void* argument) -> void* {
        Job& mine = *static_cast<Job*>(argument);
        mine.text = report::demangle(mine.name);
        return nullptr;
    };
    pthread_t thread;
    REQUIRE(pthread_create(&thread, &attributes, run, &job) == 0);
    REQUIRE(pthread_join(thread, nullptr) == 0);
    pthread_attr_destroy(&attributes);
    const auto* stack = static_cast<const std::byte*>(begin);
    return static_cast<std::size_t>(
        std::find_if(stack, stack + size_bytes, [](std::byte b) { return b != untouched; }) - stack);
}

}  // namespace

TEST_CASE("the names that the demangler takes most stack for leave half of a thread's stack") {
    std::vector<Job> jobs = {{"_Z1f" + repeated("P", 1000) + "i", {}},
                             {"_Z1f" + repeated("PK", 505) + "i", {}},
                             {"_Z1f" + repeated("1AI", 250) + "i" + repeated("E", 250), {}},
                             {"_Z1f" + repeated("A1_", 330) + "i", {}},
                             {"_Z" + repeated("Z1fvE", 200) + "1gv", {}}};
    for (Job& job : jobs) {
        const std::size_t untouched_bytes = untouched_after(job);
        CHECK(job.text != job.name);
        CHECK(untouched_bytes >= host::thread_stack_bytes / 2);
    }
}

TEST_CASE("a name that is longer than the demangler takes is told as it is") {
    Job job{"_Z1f" + repeated("P", 100'000) + "i", {}};
    CHECK(untouched_after(job) >= host::thread_stack_bytes / 2);
    CHECK(job.text == job.name);
}
