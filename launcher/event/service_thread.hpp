// SPDX-License-Identifier: Apache-2.0
// A thread that serves a device: for a while after there was work it looks for more by itself, then it sleeps.
//
// Waking a thread that sleeps costs more than a disk's read, and a notification costs the guest an exit. So after
// activity the thread spins a little, where its CPU is known to be another than the vCPU's. The kernel likes to wake it
// on the CPU of the vCPU that notified it; then the thread moves to another one that the process may use. Where there
// is none, or others compute there, it goes where the kernel puts it and does not spin; if the device may be late, it
// lets the vCPU finish what it does then, and serves more at a time: after work it does not look again before a vCPU
// sleeps. It is started by the first wake(): a VM that does not use the device does not pay for it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "launcher/event/cpu_rivals.hpp"
#include "launcher/event/spin_budget.hpp"
#include "launcher/event/spin_facts.hpp"
#include "launcher/host/event_fd.hpp"
#include "launcher/host/file_descriptor.hpp"
#include "launcher/host/run_delay.hpp"

namespace husk::event {

// What a ServiceThread serves. All calls on its thread.
class Served {
public:
    virtual ~Served() = default;

    // One round, without blocking. true: there was something to do.
    virtual bool serve() = 0;

    // From here on news reach a wake descriptor, or call wake(). false: there is something to do already.
    virtual bool arm() = 0;
    // The thread looks by itself again.
    virtual void disarm() = 0;

    // The thread uses other CPUs than before.
    virtual void on_move() {}

    // Whether the device has work under way of which its driver will hear soon.
    [[nodiscard]] virtual bool expects_news() const = 0;

    // Whether it is better served a little later, and more of it at a time, than to keep the guest from its work.
    [[nodiscard]] virtual bool may_be_late() const { return false; }
    // Whether that holds until the guest sleeps: no other thread of the host has to go on for it.
    [[nodiscard]] virtual bool may_wait_for_rest() const { return false; }

    // When to look at the latest, CLOCK_MONOTONIC; UINT64_MAX: not before there is news.
    [[nodiscard]] virtual std::uint64_t deadline_ns() const = 0;
};

class ServiceThread final {
public:
    // Both arguments outlive the thread. Throws host::Error.
    ServiceThread(Served& served, SpinFacts& facts);
    ~ServiceThread();  // ends the thread
    ServiceThread(const ServiceThread&) = delete;
    ServiceThread& operator=(const ServiceThread&) = delete;

    // Another descriptor that wakes the thread while it is readable; serve() makes it unreadable again. edge: only when
    // it has become readable since, so that serve() may leave something in it. Throws.
    enum class Trigger { level, edge };
    void add_wake_fd(int fd, Trigger trigger = Trigger::level);

    // Any thread. Starts the thread when it does not run yet.
    void wake();

    // Does what wake() does on a thread that runs, for the kernel to signal.
    [[nodiscard]] int wake_fd() const { return wake_.get(); }

    // Runs `task` on the thread, between two rounds, and returns when it is done. When the thread does not run, on the
    // calling one.
    void call(const std::function<void()>& task);

private:
    void run();
    void sleep();
    void spin_or_sleep();
    [[nodiscard]] bool wait_for_rest(std::uint64_t now_ns);
    [[nodiscard]] bool may_spin(std::uint64_t now_ns);
    [[nodiscard]] bool try_move(std::uint64_t now_ns);
    void share_with_vcpus(std::uint64_t until_ns);
    void use(const std::vector<unsigned>& cpus);
    void set_near(bool is_near);
    void run_task();

    Served& served_;
    SpinFacts& facts_;
    // Waiting for the next request, and for what is under way.
    std::array<SpinBudget, 2> budgets_;
    SpinBudget* spinning_on_ = nullptr;
    std::uint64_t spin_until_ns_ = 0;
    bool is_near_ = false;
    std::vector<unsigned> allowed_cpus_;
    std::vector<unsigned> used_cpus_;
    std::uint64_t may_move_at_ns_ = 0;
    // chosen: bound to CPUs where no vCPU ran; sharing: not bound, and not spinning before may_move_at_ns_.
    enum class Place { unknown, chosen, sharing } place_ = Place::unknown;
    bool lets_others_finish_ = false;
    bool has_served_ = false;  // since it last waited
    CpuRivals rivals_;
    std::optional<host::RunDelay> run_delay_;
    host::EventFd wake_;
    host::FileDescriptor poll_set_;
    std::atomic<bool> ends_ = false;
    std::atomic<bool> runs_ = false;
    std::mutex mutex_;  // start, and one call() at a time
    std::atomic<const std::function<void()>*> task_ = nullptr;
    std::thread thread_;
};

}  // namespace husk::event
