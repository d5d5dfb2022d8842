// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/thread.hpp"

#include <new>

#include "guest-runtime/base/heap.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/memory/kernel_stack.hpp"
#include "guest-runtime/thread/vector_state.hpp"

namespace husk::thread {

namespace {

constinit ThreadList list;
constinit std::uint32_t last_tid = 0;

}  // namespace

ThreadList& all_threads() { return list; }

Thread* ThreadList::find(std::uint32_t tid) {
    for (Thread& thread : threads) {
        if (thread.tid == tid) return &thread;
    }
    return nullptr;
}

std::uint32_t next_tid() {
    constexpr std::uint32_t highest = 0x3f'ffff;  // as Linux's pid_max can be; futexes keep 30 bits
    do {
        last_tid = last_tid == highest ? static_cast<std::uint32_t>(process_id) + 1 : last_tid + 1;
    } while (list.find(last_tid) != nullptr);
    return last_tid;
}

void SleepTimer::on_expiry() {
    has_fired.store(true, std::memory_order_relaxed);
    unpark(thread_);
}

Result<Thread*> create_thread() {
    auto* thread = new (std::nothrow) Thread;
    if (thread == nullptr) return Errno::enomem;
    thread->vector_area = allocate_vector_area();
    auto stack = memory::allocate_kernel_stack();
    if (thread->vector_area == nullptr || !stack.ok()) {
        if (stack.ok()) memory::release_kernel_stack(stack.value());
        delete thread;
        return Errno::enomem;
    }
    thread->kernel_stack = stack.value() - 8;
    return thread;
}

Thread::~Thread() {
    sleep_timer.disarm();
    if (vector_area != nullptr) release_vector_area(vector_area);
    if (kernel_stack != 0) memory::release_kernel_stack(kernel_stack + 8);
}

}  // namespace husk::thread
