// SPDX-License-Identifier: Apache-2.0
// Fakes of what the guest's thread code gives the rest: one thread, a clock that stands still, timers, signals.
#include <algorithm>
#include <utility>

#include "guest-runtime/thread/clock.hpp"
#include "guest-runtime/thread/cpu_time.hpp"
#include "guest-runtime/thread/death.hpp"
#include "guest-runtime/thread/park.hpp"
#include "guest-runtime/thread/runtime_thread.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/signal_mask.hpp"
#include "guest-runtime/thread/signal_raise.hpp"
#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/thread.hpp"
#include "guest-runtime/thread/timer.hpp"
#include "tests/support/guest_fakes/machine.hpp"

namespace husk::thread {

namespace {

std::uint64_t now_ns = 1'000'000'000;
std::vector<Timer*> armed;
bool woken = false;
bool signal_waits = false;
void (*sleep_action)() = nullptr;
unsigned raised = 0;
std::vector<std::pair<void (*)(void*), void*>> runtime_threads;

void jump_to(std::uint64_t ns);

}  // namespace

// Befriended by Timer.
class TimerQueue {
public:
    static void arm(Timer& timer, Deadline deadline) {
        if (deadline.is_never()) return disarm(timer);
        timer.deadline_ = deadline;
        timer.armed_ = true;
        if (std::find(armed.begin(), armed.end(), &timer) == armed.end()) armed.push_back(&timer);
    }
    static void disarm(Timer& timer) {
        timer.armed_ = false;
        std::erase(armed, &timer);
    }
    static void expire(Timer& timer) {
        disarm(timer);
        timer.on_expiry();
    }
};

void Timer::arm(Deadline deadline) { TimerQueue::arm(*this, deadline); }
void Timer::disarm() { TimerQueue::disarm(*this); }

namespace {

Timer* next_timer() {
    auto by_deadline = [](Timer* a, Timer* b) { return a->deadline().ns < b->deadline().ns; };
    auto first = std::min_element(armed.begin(), armed.end(), by_deadline);
    return first == armed.end() ? nullptr : *first;
}

void jump_to(std::uint64_t ns) {
    while (Timer* timer = next_timer()) {
        if (timer->deadline().ns > ns) break;
        now_ns = std::max(now_ns, timer->deadline().ns);
        TimerQueue::expire(*timer);
    }
    now_ns = std::max(now_ns, ns);
}

// Until something wakes the thread; timers make time pass.
Wakeup sleep_until(Deadline deadline) {
    if (woken) return Wakeup::event;
    if (auto action = std::exchange(sleep_action, nullptr)) {
        action();
        if (woken) return Wakeup::event;
    }
    if (std::exchange(signal_waits, false)) return Wakeup::signal;
    while (!woken) {
        Timer* timer = next_timer();
        if (timer == nullptr || timer->deadline().ns > deadline.ns) {
            if (deadline.is_never()) throw test::SleepsForever("nothing will wake the thread");
            jump_to(deadline.ns);
            return Wakeup::timeout;
        }
        jump_to(timer->deadline().ns);
    }
    return Wakeup::event;
}

Thread& the_thread() {
    static Thread thread;
    thread.tid = process_id;
    return thread;
}

}  // namespace

void SleepTimer::on_expiry() {}
Thread::~Thread() = default;
PendingSignals::~PendingSignals() = default;

Thread& current() { return the_thread(); }
void prepare_to_park() { woken = false; }
void cancel_park() {}
Wakeup park(Deadline deadline) { return sleep_until(deadline); }
Wakeup park_uninterruptible(Deadline deadline) { return sleep_until(deadline); }
void unpark(Thread&) { woken = true; }
bool signal_is_pending() { return signal_waits; }
void yield() {}

std::uint64_t monotonic_ns() { return now_ns; }
std::int64_t realtime_ns() { return static_cast<std::int64_t>(1'600'000'000'000'000'000 + now_ns); }
void set_realtime_ns(std::int64_t) {}

Result<> start_runtime_thread(void (*body)(void*), void* argument) {
    runtime_threads.emplace_back(body, argument);
    return {};
}

void add_exit_hook(void (*)()) {}

std::uint32_t vcpu_count() { return 2; }
std::uint32_t vcpu_index() { return 0; }
std::uint64_t thread_cpu_ns(const Thread&) { return 20'000'000; }
std::uint64_t process_cpu_ns() { return 30'000'000; }

ThreadList& all_threads() {
    static ThreadList list;
    if (list.count == 0) {
        list.threads.push_back(the_thread());
        list.count = 1;
    }
    return list;
}
Thread* ThreadList::find(std::uint32_t tid) { return tid == process_id ? &the_thread() : nullptr; }

void raise_sigpipe() { ++raised; }
void raise_sigxfsz() { ++raised; }
TemporaryMask::TemporaryMask(std::uint64_t) {}
TemporaryMask::~TemporaryMask() = default;
bool take_pending(SignalSet, SignalInfo&) { return false; }
SignalSet pending_set() { return 0; }
WaitQueue& signal_arrivals() {
    static WaitQueue queue;
    return queue;
}

}  // namespace husk::thread

namespace husk::test {

void advance_clock_ns(std::uint64_t ns) { thread::jump_to(thread::now_ns + ns); }
void run_runtime_threads() {
    for (auto [body, argument] : std::exchange(thread::runtime_threads, {})) body(argument);
}
void run_object_threads() {
    auto threads = std::exchange(thread::runtime_threads, {});
    for (auto [body, argument] : threads) {
        if (argument != nullptr) {
            body(argument);
        } else {
            thread::runtime_threads.emplace_back(body, argument);
        }
    }
}
void on_next_sleep(void (*action)()) { thread::sleep_action = action; }
void interrupt_next_sleep() { thread::signal_waits = true; }
unsigned take_raised_signals() { return std::exchange(thread::raised, 0); }

}  // namespace husk::test
