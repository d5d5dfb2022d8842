// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/vcpu_queues.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/thread/vcpu_start.hpp"

using namespace husk;

namespace {

constexpr std::uint32_t machine_vcpus = 3;

std::array<arch::PerCpu, machine_vcpus> areas;
std::atomic<std::uint64_t> present = 0;
std::uint64_t started = 0;
std::uint64_t asked_to_start = 0;
std::uint64_t woken = 0;
// Called when somebody has asked which vCPUs there are, after the answer.
std::function<void()> after_the_answer;

}  // namespace

namespace husk {

namespace arch {

thread_local std::uint32_t hosted_vcpu = 0;
std::uint32_t vcpu_count() { return machine_vcpus; }
PerCpu& per_cpu_of(std::uint32_t index) { return areas[index]; }
std::uint64_t started_vcpus() { return started; }
std::uint64_t all_vcpus() {
    const std::uint64_t answer = present;
    if (auto action = std::exchange(after_the_answer, nullptr)) action();
    return answer;
}

}  // namespace arch

namespace platform {

bool is_foreign = false;
void wake_vcpu(std::uint32_t vcpu) { woken |= arch::vcpu_bit(vcpu); }
void interrupt_vcpu(std::uint32_t) {}
void update_foreign_timer() {}
void update_foreign_timer_of(std::uint32_t) {}

}  // namespace platform

namespace thread {

Thread::~Thread() = default;
PendingSignals::~PendingSignals() = default;
void SleepTimer::on_expiry() {}
void Timer::arm(Deadline) {}
void Timer::disarm() {}
std::uint32_t vcpu_index() { return 0; }
std::uint32_t vcpu_count() { return machine_vcpus; }
Thread& current() { return *arch::current_thread(); }
void start_vcpu(std::uint32_t vcpu) { asked_to_start |= arch::vcpu_bit(vcpu); }
void start_one_of(std::uint64_t allowed) { asked_to_start |= allowed & present & ~started; }

}  // namespace thread
}  // namespace husk

namespace {

// The calling thread is vCPU 0, which runs a thread of the application; the others have not started.
struct Machine {
    Machine() {
        present = arch::vcpu_bit(machine_vcpus) - 1;
        started = arch::vcpu_bit(0);
        asked_to_start = 0;
        woken = 0;
        become(0, running);
        thread::initialise_queues();
    }
    // The calling host's thread is that vCPU.
    void become(std::uint32_t vcpu, thread::Thread& current) {
        arch::PerCpu* self = &areas[vcpu];
        std::memcpy(self, &self, sizeof(void*));  // what the runtime finds at gs:0
        self->current = &current;
        self->idle = &idle;
        current.tid = 1;
        REQUIRE(syscall(SYS_arch_prctl, ARCH_SET_GS, self) == 0);
    }
    // As its timer does when a vCPU has not come in time.
    static void give_up(std::uint32_t vcpu) {
        present &= ~arch::vcpu_bit(vcpu);
        thread::empty_queue_of(vcpu);
    }
    thread::Thread running, idle;
};

// As unpark() does.
void queue(thread::Thread& thread) {
    Guard guard(thread.lock);
    thread::enqueue(thread);
}

struct Runnable : thread::Thread {
    explicit Runnable(std::uint64_t allowed) {
        tid = 2;
        affinity = allowed;
    }
};

}  // namespace

TEST_CASE("a thread that may only run on a vCPU that has not started waits for it, and it is started") {
    Machine machine;
    Runnable thread(arch::vcpu_bit(1));
    queue(thread);
    CHECK(asked_to_start == arch::vcpu_bit(1));
    CHECK(thread::vcpu_at(1).queue.pop(1) == &thread);
}

TEST_CASE("a thread whose only vCPU is given up runs elsewhere") {
    Machine machine;
    Runnable thread(arch::vcpu_bit(1));
    queue(thread);
    Machine::give_up(1);
    CHECK(thread.state == thread::State::runnable);
    CHECK(thread::vcpu_at(0).queue.pop(0) == &thread);
}

TEST_CASE("a thread that is queued on a vCPU while that one is given up runs elsewhere, and its waker goes on") {
    Machine machine;
    Runnable thread(arch::vcpu_bit(1));
    // Between the choice of vCPU 1 and the moment at which the thread lies in its queue.
    after_the_answer = [] { Machine::give_up(1); };
    queue(thread);
    CHECK(thread::vcpu_at(1).queue.length() == 0);
    CHECK(thread::vcpu_at(0).queue.pop(0) == &thread);
    CHECK((asked_to_start & arch::vcpu_bit(1)) == 0);
}

TEST_CASE("whoever gives a vCPU up and has found a thread there waits for its waker, not the other way round") {
    Machine machine;
    Runnable thread(arch::vcpu_bit(1));
    thread::Thread second;
    std::thread other;
    // The second answer is asked for with the thread in the queue and its lock held.
    after_the_answer = [&] {
        present &= ~arch::vcpu_bit(1);
        after_the_answer = [&] {
            other = std::thread([&] {
                machine.become(2, second);
                thread::empty_queue_of(1);
            });
            while (thread::vcpu_at(1).queue.length() != 0) std::this_thread::yield();
        };
    };
    queue(thread);
    other.join();
    CHECK(thread::vcpu_at(0).queue.pop(0) == &thread);
}

TEST_CASE("a thread that may run on two vCPUs, one of which is given up, goes to the other") {
    Machine machine;
    started |= arch::vcpu_bit(2);
    Runnable thread(arch::vcpu_bit(1) | arch::vcpu_bit(2));
    after_the_answer = [] { Machine::give_up(1); };
    queue(thread);
    CHECK(thread::vcpu_at(2).queue.pop(2) == &thread);
}

TEST_CASE("a vCPU that sleeps is woken when the doorbells that were put off are rung, and once") {
    Machine machine;
    started |= arch::vcpu_bit(1);
    thread::idle_vcpus.announce(1);
    REQUIRE(thread::idle_vcpus.try_sleep(1));
    Runnable thread(arch::vcpu_bit(1));
    queue(thread);
    CHECK(thread::vcpu_at(1).queue.length() == 1);
    CHECK(woken == 0);
    CHECK(areas[0].mailbox.attention == abi::attention::own);
    CHECK(thread::idle_vcpus.is_sleeping(1));
    thread::ring_postponed();
    CHECK(woken == arch::vcpu_bit(1));
    CHECK(areas[0].mailbox.attention == 0);
    woken = 0;
    thread::ring_postponed();
    CHECK(woken == 0);
    thread::idle_vcpus.end(1);
}

TEST_CASE("a vCPU that has gone on by itself meanwhile is not woken") {
    Machine machine;
    started |= arch::vcpu_bit(1);
    thread::idle_vcpus.announce(1);
    REQUIRE(thread::idle_vcpus.try_sleep(1));
    Runnable thread(arch::vcpu_bit(1));
    queue(thread);
    thread::idle_vcpus.end(1);
    thread::ring_postponed();
    CHECK(woken == 0);
}
