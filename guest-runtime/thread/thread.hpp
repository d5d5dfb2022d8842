// SPDX-License-Identifier: Apache-2.0
// One thread of the application: its saved state, its place in the scheduler and in signal delivery.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest-runtime/arch/context.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/base/intrusive_list.hpp"
#include "guest-runtime/base/spinlock.hpp"
#include "guest-runtime/thread/cpu_meter.hpp"
#include "guest-runtime/thread/pending_signals.hpp"
#include "guest-runtime/thread/timer.hpp"
#include "guest-runtime/thread/wait_queue.hpp"

namespace husk::thread {

// Reasons not to go straight back to the application, in Thread::work.
namespace work {
inline constexpr std::uint32_t signal = 1u << 0;        // a signal that is not blocked may be pending
inline constexpr std::uint32_t full_restore = 1u << 1;  // the system call replaced the whole Context
inline constexpr std::uint32_t restore_mask = 1u << 2;  // TemporaryMask: the saved mask comes back after delivery
inline constexpr std::uint32_t stop = 1u << 3;          // stop for the debugger
inline constexpr std::uint32_t stop_asked = 1u << 4;    // because the debugger asked, not after a step
inline constexpr std::uint32_t move = 1u << 5;          // its affinity has changed: it may have to go elsewhere
}  // namespace work

// The beginning of Thread: entry.S reads `work` at offset 0, the launcher all of it as an abi::ThreadLabel.
struct ThreadHead {
    std::atomic<std::uint32_t> work = 0;
    std::uint32_t tid = 0;
    char name[16] = {};
};

struct RunTag;
struct AllTag;

enum class State : std::uint8_t {
    running,    // on a vCPU, or runnable again once it leaves it
    preparing,  // running, has announced that it will park
    woken,      // running, was unparked since
    parked,
    runnable,  // in a run queue
    dead,
};

// Wakes a thread whose park() has a deadline.
class SleepTimer final : public Timer {
public:
    explicit SleepTimer(Thread& thread) : thread_(thread) {}
    std::atomic<bool> has_fired = false;

private:
    void on_expiry() override;
    Thread& thread_;
};

// Linux's stack_t.
struct SignalStack {
    std::uint64_t base = 0;
    std::uint32_t flags = 2;  // SS_DISABLE
    std::uint32_t padding = 0;
    std::uint64_t size_bytes = 0;
};

class Thread : public ThreadHead, public ListNode<RunTag>, public ListNode<AllTag> {
public:
    Thread() : sleep_timer(*this) {}
    ~Thread();

    // The Context of a thread that is not in the runtime or has just entered it lies at the top of its kernel stack.
    [[nodiscard]] arch::Context& context() const {
        // SAFETY: the entry code lays a Context below kernel_stack, which the thread owns until it dies.
        return *reinterpret_cast<arch::Context*>(kernel_stack - sizeof(arch::Context));
    }

    std::uint64_t kernel_stack = 0;  // 8 below its end, so that Context leaves the stack 16-byte aligned
    std::uint64_t saved_rsp = 0;
    std::uint64_t fs_base = 0;
    void* vector_area = nullptr;  // XSAVE image while the thread is not running

    Spinlock lock;  // guards `state` against unpark() from elsewhere; held across the switch away
    State state = State::running;
    std::uint32_t vcpu = 0;                       // where it runs or ran last
    std::uint32_t queued_on = 0;                  // in whose queue it is while it is runnable
    std::atomic<std::uint64_t> affinity = ~0ull;  // bit n: may run on vCPU n
    SleepTimer sleep_timer;
    std::atomic<bool> stays_in_runtime = false;  // the application ends (last_calls.hpp)

    // Linux's per-thread odds and ends.
    std::uint64_t clear_child_tid = 0;
    std::uint64_t robust_list = 0;
    CpuMeter cpu_meter;

    // Signals; the mask is changed by the thread itself only.
    std::atomic<SignalSet> blocked = 0;
    SignalSet saved_mask = 0;
    SignalStack signal_stack;
    PendingSignals pending;  // guarded by the signal lock
    // kept_deadline.hpp
    Deadline kept_deadline = Deadline::never();
    bool is_going_on = false;  // in a call that a signal without a handler interrupted
};

[[nodiscard]] inline bool has_work(const Thread& thread) { return thread.work.load(std::memory_order_relaxed) != 0; }

// Every live thread, for signals, /proc and core files. Holding the lock keeps each of them alive.
class ThreadList {
public:
    Spinlock lock;
    List<Thread, AllTag> threads;
    std::uint32_t count = 0;

    // The caller holds the lock.
    Thread* find(std::uint32_t tid);
};
ThreadList& all_threads();

// The application is process 1; its first thread has the same number.
inline constexpr int process_id = 1;
// The caller holds all_threads().lock.
std::uint32_t next_tid();

// A new thread with stack and vector area that is in no list yet. ENOMEM.
Result<Thread*> create_thread();

}  // namespace husk::thread
