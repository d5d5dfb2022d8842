// SPDX-License-Identifier: Apache-2.0
// A thread that waits for files and time, so that vCPU threads need not; the only door to Boost.Asio.
//
//   EventLoop loop;                                      // the thread runs from here on
//   loop.watch(0, POLLIN, [] { ... });                   // once, on the loop's thread
//   loop.call_after(std::chrono::milliseconds(4), [] { ... });
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace husk::event {

class EventLoop final {
public:
    using Callback = std::function<void()>;

    EventLoop();
    ~EventLoop();  // stops it
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // Each of these may be called from any thread; the callback runs once, on the loop's thread.
    void post(Callback callback);
    void call_after(std::chrono::nanoseconds delay, Callback callback);

    // Calls back when fd has one of poll_events (poll(2) bits) or an error. The file's own flags are not touched. A
    // second watch on the same fd adds to the events of the first and replaces its callback.
    void watch(int fd, short poll_events, Callback callback);

    // Waits for the callback that runs, and ends the thread; those that are still due are dropped with this object.
    // Not on its own thread.
    void stop();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace husk::event
