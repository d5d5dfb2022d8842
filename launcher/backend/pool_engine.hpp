// SPDX-License-Identifier: Apache-2.0
// An engine of threads that make blocking calls: for storage without a descriptor, and kernels without io_uring.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "launcher/backend/io_engine.hpp"
#include "launcher/host/event_fd.hpp"

namespace husk::backend {

class PoolEngine final : public IoEngine {
public:
    explicit PoolEngine(Storage& storage);
    ~PoolEngine() override;

    void submit(IoRequest& request) override;
    void start() override;
    void collect(std::vector<IoRequest*>& done) override;
    void wait() override;
    [[nodiscard]] int ready_fd() const override { return ready_.get(); }
    void follow_this_thread() override;
    [[nodiscard]] std::string_view name() const override { return "a thread pool"; }

private:
    void work();
    void end_threads();

    Storage& storage_;
    host::EventFd ready_;
    std::vector<IoRequest*> submitted_;  // not yet started
    std::mutex mutex_;
    std::condition_variable has_work_;
    std::condition_variable has_done_;
    std::deque<IoRequest*> queue_;
    std::vector<IoRequest*> done_;
    bool ends_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace husk::backend
