// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/cpu_time.hpp"

#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

constinit std::atomic<std::uint64_t> ended_ns = 0;

}  // namespace

std::uint64_t thread_cpu_ns(const Thread& thread) { return thread.cpu_meter.read_ns(); }

std::uint64_t process_cpu_ns() {
    Guard guard(all_threads().lock);
    std::uint64_t sum = ended_ns.load();
    for (Thread& thread : all_threads().threads) sum += thread_cpu_ns(thread);
    return sum;
}

void account_ended_thread(const Thread& thread) { ended_ns.fetch_add(thread_cpu_ns(thread)); }

}  // namespace husk::thread
