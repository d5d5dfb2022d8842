// SPDX-License-Identifier: Apache-2.0
#include "launcher/backend/pool_engine.hpp"

#include <pthread.h>
#include <sched.h>

#include "launcher/host/error.hpp"
#include "launcher/host/start_thread.hpp"

namespace husk::backend {

namespace {

constexpr std::size_t thread_count = 8;  // they mostly sleep in the host's block layer

}  // namespace

PoolEngine::PoolEngine(Storage& storage) : storage_(storage) {
    try {
        for (std::size_t i = 0; i < thread_count; ++i)
            threads_.push_back(host::start_thread("a disk", [this] { work(); }));
    } catch (const host::Error&) {
        end_threads();
        throw;
    }
}

PoolEngine::~PoolEngine() { end_threads(); }

void PoolEngine::end_threads() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    has_work_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void PoolEngine::follow_this_thread() {
    cpu_set_t cpus;
    if (::sched_getaffinity(0, sizeof cpus, &cpus) != 0) return;
    for (std::thread& thread : threads_) ::pthread_setaffinity_np(thread.native_handle(), sizeof cpus, &cpus);
}

void PoolEngine::submit(IoRequest& request) { submitted_.push_back(&request); }

void PoolEngine::start() {
    if (submitted_.empty()) return;
    {
        const std::lock_guard lock(mutex_);
        queue_.insert(queue_.end(), submitted_.begin(), submitted_.end());
    }
    for (std::size_t i = 0; i < submitted_.size(); ++i) has_work_.notify_one();
    submitted_.clear();
}

void PoolEngine::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        has_work_.wait(lock, [this] { return ends_ || !queue_.empty(); });
        if (queue_.empty()) return;
        IoRequest* const request = queue_.front();
        queue_.pop_front();
        lock.unlock();
        carry_out(*request, storage_);
        lock.lock();
        done_.push_back(request);
        ready_.signal();
        has_done_.notify_one();
    }
}

void PoolEngine::collect(std::vector<IoRequest*>& done) {
    const std::lock_guard lock(mutex_);
    if (done_.empty()) return;
    ready_.drain();
    done.insert(done.end(), done_.begin(), done_.end());
    done_.clear();
}

void PoolEngine::wait() {
    std::unique_lock lock(mutex_);
    has_done_.wait(lock, [this] { return !done_.empty(); });
}

}  // namespace husk::backend
