// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/first_frame.hpp"

#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

// What husk_switch_stacks pops, and above it what husk_thread_begin goes on with. A runtime thread has no use for the
// Context, which keeps the place where one is looked for.
struct FirstFrame {
    std::uint64_t r15, r14, r13, r12, rbp, rbx;
    std::uint64_t return_address;
    arch::Context context;
};

void lay_frame(Thread& thread, const FirstFrame& from) {
    // SAFETY: the kernel stack is the new thread's alone until it is enqueued.
    auto* frame = reinterpret_cast<FirstFrame*>(thread.kernel_stack - sizeof(FirstFrame));
    *frame = from;
    // SAFETY: an address only.
    thread.saved_rsp = reinterpret_cast<std::uint64_t>(frame);
}

}  // namespace

void lay_first_frame(Thread& thread, const arch::Context& context) {
    FirstFrame frame{};
    // SAFETY: an address only.
    frame.return_address = reinterpret_cast<std::uint64_t>(husk_thread_begin);
    frame.context = context;
    lay_frame(thread, frame);
}

void lay_first_runtime_frame(Thread& thread, void (*body)(void*), void* argument) {
    FirstFrame frame{};
    // SAFETY: addresses only; husk_runtime_thread_begin calls the first with the second.
    frame.return_address = reinterpret_cast<std::uint64_t>(husk_runtime_thread_begin);
    frame.rbx = reinterpret_cast<std::uint64_t>(body);
    frame.rbp = reinterpret_cast<std::uint64_t>(argument);
    lay_frame(thread, frame);
}

}  // namespace husk::thread
