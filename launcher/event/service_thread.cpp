// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/service_thread.hpp"

#include <sched.h>
#include <sys/epoll.h>

#include <array>
#include <ctime>

#include <x86intrin.h>

#include "launcher/host/clock.hpp"
#include "launcher/host/errno_error.hpp"
#include "launcher/host/signals.hpp"

namespace husk::event {

namespace {

// A guest that waited for the last completion needs 15 to 40 us to come with the next request.
constexpr std::uint64_t spin_ns = 50'000;

}  // namespace

ServiceThread::ServiceThread(Served& served, const CpuInUse& vcpu_cpu)
    : served_(served), vcpu_cpu_(vcpu_cpu), poll_set_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!poll_set_.is_open()) throw host::errno_error("cannot create an epoll set");
    add_wake_fd(wake_.get());
}

ServiceThread::~ServiceThread() {
    ends_.store(true);
    wake_.signal();
    if (thread_.joinable()) thread_.join();
}

void ServiceThread::add_wake_fd(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(poll_set_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        throw host::errno_error("cannot wait for a descriptor");
}

void ServiceThread::wake() {
    if (!runs_.load()) {
        const std::lock_guard lock(mutex_);
        if (!thread_.joinable()) {
            const host::SignalsBlocked blocked;  // signals belong to the vCPU threads
            thread_ = std::thread([this] { run(); });
            runs_.store(true);
        }
    }
    wake_.signal();
}

void ServiceThread::call(const std::function<void()>& task) {
    const std::lock_guard lock(mutex_);
    if (!runs_.load()) return task();
    task_.store(&task);
    wake_.signal();
    task_.wait(&task);
}

void ServiceThread::run_task() {
    const std::function<void()>* const task = task_.load();
    if (task == nullptr) return;
    (*task)();
    task_.store(nullptr);
    task_.notify_one();
}

void ServiceThread::run() {
    std::uint64_t spin_until_ns = 0;
    while (!ends_.load(std::memory_order_relaxed)) {
        run_task();
        if (served_.serve()) {
            spin_until_ns = 0;
            continue;
        }
        if (!may_spin()) {
            sleep();
            continue;
        }
        // The clock is read only once the work has run out.
        const std::uint64_t now_ns = host::monotonic_ns();
        if (spin_until_ns == 0) spin_until_ns = now_ns + spin_ns;
        if (now_ns < spin_until_ns) {
            _mm_pause();
            continue;
        }
        sleep();
        spin_until_ns = 0;
    }
}

bool ServiceThread::may_spin() const {
    const int vcpu_cpu = vcpu_cpu_.number.load(std::memory_order_relaxed);
    return vcpu_cpu >= 0 && vcpu_cpu != ::sched_getcpu();
}

void ServiceThread::sleep() {
    if (served_.arm()) {
        const std::uint64_t deadline_ns = served_.deadline_ns();
        timespec timeout{};
        if (deadline_ns != UINT64_MAX) {
            constexpr std::uint64_t second_ns = 1'000'000'000;
            const std::uint64_t now_ns = host::monotonic_ns();
            const std::uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
            timeout = {static_cast<time_t>(left_ns / second_ns), static_cast<long>(left_ns % second_ns)};
        }
        std::array<epoll_event, 4> events;
        ::epoll_pwait2(poll_set_.get(), events.data(), events.size(), deadline_ns == UINT64_MAX ? nullptr : &timeout,
                       nullptr);
        wake_.drain();
    }
    served_.disarm();
}

}  // namespace husk::event
