// SPDX-License-Identifier: Apache-2.0
// What the journal and futexes ask of the runtime, on the host's own threads, clock and heap.
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "guest-runtime/thread/park.hpp"
#include "guest-runtime/thread/runtime_thread.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk {

namespace memory {

std::uint64_t hosted_ram_base = 0;
FrameCounts frame_counts() { return {65536, 65536, 0, 0}; }

}  // namespace memory

namespace heap {

void* allocate(std::size_t size_bytes) { return std::aligned_alloc(16, (size_bytes + 15) & ~std::size_t{15}); }
void release(void* block, std::size_t) { std::free(block); }

}  // namespace heap

void panic(std::string_view what, CodePlace) { throw std::logic_error(std::string(what)); }
void log_line(std::string_view) {}

namespace thread {

namespace {

struct HostThread final : Thread {
    std::mutex mutex;
    std::condition_variable condition;
    bool is_woken = false;
};

HostThread& self() {
    thread_local HostThread thread;
    return thread;
}

}  // namespace

Thread::~Thread() = default;
PendingSignals::~PendingSignals() = default;
void SleepTimer::on_expiry() {}
void Timer::arm(Deadline) {}
void Timer::disarm() {}

Thread& current() { return self(); }
bool signal_is_pending() { return false; }
void yield() { std::this_thread::yield(); }
void cancel_park() {}

void prepare_to_park() {
    std::lock_guard guard(self().mutex);
    self().is_woken = false;
}

Wakeup park_uninterruptible(Deadline deadline) {
    std::unique_lock lock(self().mutex);
    auto is_woken = [] { return self().is_woken; };
    if (deadline.is_never()) {
        self().condition.wait(lock, is_woken);
        return Wakeup::event;
    }
    std::chrono::steady_clock::time_point end{std::chrono::nanoseconds(deadline.ns)};
    return self().condition.wait_until(lock, end, is_woken) ? Wakeup::event : Wakeup::timeout;
}

Wakeup park(Deadline deadline) { return park_uninterruptible(deadline); }

void unpark(Thread& thread) {
    auto& parked = static_cast<HostThread&>(thread);
    std::lock_guard guard(parked.mutex);
    parked.is_woken = true;
    parked.condition.notify_one();
}

void unpark(Thread& thread, std::atomic<bool>& flag) {
    auto& parked = static_cast<HostThread&>(thread);
    std::lock_guard guard(parked.mutex);
    flag.store(true, std::memory_order_release);
    parked.is_woken = true;
    parked.condition.notify_one();
}

std::uint64_t monotonic_ns() {
    return static_cast<std::uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
}
std::int64_t realtime_ns() {
    return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<> start_runtime_thread(void (*body)(void*), void* argument) {
    std::thread(body, argument).detach();
    return {};
}

}  // namespace thread

}  // namespace husk
