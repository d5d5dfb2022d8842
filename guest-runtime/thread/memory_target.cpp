// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/memory_target.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/memory/give_back.hpp"
#include "guest-runtime/thread/runtime_thread.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::thread {

namespace {

// More may follow at once, and what was freed may be wanted again.
constexpr std::uint64_t delay_ns = 100'000'000;

// One doorbell takes so many: the vCPU is away for some milliseconds at most.
constexpr std::size_t batch_blocks = 16;

constinit WaitQueue queue;
constinit std::atomic<bool> was_freed = false;
constinit std::uint64_t target_bytes = 0;
constinit std::array<abi::PhysRange, batch_blocks> blocks = {};  // the thread's

void on_freed() {
    if (!was_freed.exchange(true)) queue.wake_all();
}

// false: the host does not take any.
bool give_back_one_batch() {
    std::size_t count = memory::take_backed_blocks(blocks);
    if (count == 0) return false;
    Result<std::size_t> given = platform::give_back(std::span(blocks).first(count));
    memory::return_blocks(std::span(blocks).first(count), given.ok() ? given.value() : 0);
    return given.ok() && given.value() == count;
}

void keep_to_target(void*) {
    for (;;) {
        wait_uninterruptibly(queue, [] { return was_freed.load(); });
        prepare_to_park();
        (void)park_uninterruptible(Deadline::after_ns(delay_ns));
        was_freed.store(false);
        while (memory::backed_bytes() > target_bytes && give_back_one_batch()) yield();
    }
}

std::optional<std::uint64_t> find_target(std::string_view settings) {
    constexpr std::string_view key = "memory_target=";
    while (!settings.empty()) {
        std::string_view setting = settings.substr(0, settings.find('\0'));
        settings.remove_prefix(std::min(setting.size() + 1, settings.size()));
        if (!setting.starts_with(key)) continue;
        std::uint64_t bytes = 0;
        for (char digit : setting.substr(key.size())) bytes = 10 * bytes + static_cast<unsigned>(digit - '0');
        return bytes;
    }
    return std::nullopt;
}

}  // namespace

void start_giving_back(std::string_view settings) {
    auto target = find_target(settings);
    if (!target || platform::is_foreign) return;
    target_bytes = *target;
    if (start_runtime_thread(keep_to_target, nullptr).ok()) memory::set_freed_hook(on_freed);
}

}  // namespace husk::thread
