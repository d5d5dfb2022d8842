// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/service_thread.hpp"

#include <sched.h>
#include <sys/epoll.h>

#include <array>
#include <ctime>
#include <utility>

#include "launcher/host/clock.hpp"
#include "launcher/host/cpu_affinity.hpp"
#include "launcher/host/errno_error.hpp"
#include "launcher/host/start_thread.hpp"

namespace husk::event {

namespace {

// A read of a fast disk takes 40 to 70 us, a flush 100 to 150; a guest that waited for it comes with the next request 2
// to 40 us later.
constexpr std::uint64_t spin_ns = 200'000;

// A guest that is busy for longer gets its frames meanwhile, and others theirs from it. Half of it, and there are more
// switches than it saves; four times as much makes no difference.
constexpr std::uint64_t longest_wait_for_rest_ns = 400'000;

// A thread that moves to another CPU loses what it had in its caches.
constexpr std::uint64_t least_time_between_moves_ns = 1'000'000;

}  // namespace

ServiceThread::ServiceThread(Served& served, SpinFacts& facts)
    : served_(served), facts_(facts), poll_set_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!poll_set_.is_open()) throw host::errno_error("cannot create an epoll set");
    add_wake_fd(wake_.get());
}

ServiceThread::~ServiceThread() {
    ends_.store(true);
    wake_.signal();
    if (thread_.joinable()) thread_.join();
}

void ServiceThread::add_wake_fd(int fd, Trigger trigger) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (trigger == Trigger::edge) event.events |= EPOLLET;
    event.data.fd = fd;
    if (::epoll_ctl(poll_set_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        throw host::errno_error("cannot wait for a descriptor");
}

void ServiceThread::wake() {
    if (!runs_.load()) {
        const std::lock_guard lock(mutex_);
        if (!thread_.joinable()) {
            thread_ = host::start_thread("a device", [this] { run(); });
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
    host::unpin_this_thread();
    used_cpus_ = allowed_cpus_ = host::allowed_cpus();
    run_delay_.emplace();
    if (allowed_cpus_.size() == 1) share_with_vcpus(UINT64_MAX);
    while (!ends_.load(std::memory_order_relaxed)) {
        run_task();
        if (!served_.serve()) {
            spin_or_sleep();
            continue;
        }
        has_served_ = true;
        if (spinning_on_ != nullptr) spinning_on_->succeed();
        spinning_on_ = nullptr;
        set_near(place_ == Place::chosen && facts_.may_spin() && budgets_[1].allows());
    }
    set_near(false);
}

void ServiceThread::spin_or_sleep() {
    const std::uint64_t now_ns = host::monotonic_ns();
    if (place_ == Place::chosen && rivals_.is_due(now_ns) && rivals_.are_here(now_ns, run_delay_->times())) {
        share_with_vcpus(now_ns + rivals_.time_away_ns());
        spinning_on_ = nullptr;
    }
    if (wait_for_rest(now_ns)) return;
    if (spinning_on_ == nullptr) {
        SpinBudget& budget = budgets_[served_.expects_news() ? 1 : 0];
        if (!budget.take() || !may_spin(now_ns)) return sleep();
        spinning_on_ = &budget;
        spin_until_ns_ = now_ns + spin_ns;
    }
    // Whoever carries out the work may need this CPU for it.
    if (now_ns < spin_until_ns_) return (void)::sched_yield();
    spinning_on_->fail();
    spinning_on_ = nullptr;
    sleep();
}

bool ServiceThread::wait_for_rest(std::uint64_t now_ns) {
    if (!std::exchange(has_served_, false) || !lets_others_finish_ || now_ns >= may_move_at_ns_) return false;
    return served_.may_wait_for_rest() && facts_.rests().wait(now_ns + longest_wait_for_rest_ns);
}

bool ServiceThread::may_spin(std::uint64_t now_ns) {
    if (place_ == Place::chosen && facts_.may_spin()) return true;
    return now_ns >= may_move_at_ns_ && try_move(now_ns) && facts_.may_spin();
}

bool ServiceThread::try_move(std::uint64_t now_ns) {
    const std::vector<unsigned> cpus = facts_.free_cpus(allowed_cpus_);
    if (cpus.empty()) {
        share_with_vcpus(now_ns + least_time_between_moves_ns);
        return false;
    }
    may_move_at_ns_ = now_ns + least_time_between_moves_ns;
    if (std::exchange(lets_others_finish_, false)) host::interrupt_others();
    if (std::exchange(place_, Place::chosen) != Place::chosen) rivals_.begin(now_ns, run_delay_->times());
    use(cpus);
    return true;
}

// Each packet would interrupt the guest, which costs more than to serve it.
void ServiceThread::share_with_vcpus(std::uint64_t until_ns) {
    if (std::exchange(place_, Place::sharing) == Place::chosen) rivals_.end(run_delay_->times());
    may_move_at_ns_ = until_ns;
    use(allowed_cpus_);
    if (!lets_others_finish_) lets_others_finish_ = served_.may_be_late() && host::let_others_finish();
}

void ServiceThread::use(const std::vector<unsigned>& cpus) {
    if (cpus == used_cpus_ || !host::run_this_thread_on(cpus)) return;
    used_cpus_ = cpus;
    served_.on_move();
}

void ServiceThread::set_near(bool is_near) {
    if (is_near == is_near_) return;
    is_near_ = is_near;
    facts_.add_near(is_near ? 1 : -1);
}

void ServiceThread::sleep() {
    set_near(false);
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
