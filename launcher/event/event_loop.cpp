// SPDX-License-Identifier: Apache-2.0
#include "launcher/event/event_loop.hpp"

#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "launcher/event/ready_watcher.hpp"
#include "launcher/host/cpu_affinity.hpp"
#include "launcher/host/start_thread.hpp"

namespace husk::event {

namespace asio = boost::asio;

struct EventLoop::State {
    asio::io_context context{1};  // one thread runs it: no locking among its handlers
    asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(context);
    ReadyWatcher watcher{context};
    std::thread thread;
};

EventLoop::EventLoop() : state_(std::make_unique<State>()) {
    state_->thread = host::start_thread("the event loop", [state = state_.get()] {
        host::unpin_this_thread();
        state->context.run();
    });
}

EventLoop::~EventLoop() { stop(); }

void EventLoop::stop() {
    if (!state_->thread.joinable()) return;
    state_->context.stop();
    state_->thread.join();
}

void EventLoop::post(Callback callback) { asio::post(state_->context, std::move(callback)); }

void EventLoop::call_after(std::chrono::nanoseconds delay, Callback callback) {
    post([state = state_.get(), due = std::chrono::steady_clock::now() + delay,
          callback = std::move(callback)]() mutable {
        auto timer = std::make_unique<asio::steady_timer>(state->context, due);
        asio::steady_timer& waiting = *timer;
        waiting.async_wait([timer = std::move(timer), callback = std::move(callback)](boost::system::error_code error) {
            if (!error) callback();
        });
    });
}

void EventLoop::watch(int fd, short poll_events, Callback callback) {
    post([state = state_.get(), fd, poll_events, callback = std::move(callback)]() mutable {
        state->watcher.watch(fd, poll_events, std::move(callback));
    });
}

}  // namespace husk::event
