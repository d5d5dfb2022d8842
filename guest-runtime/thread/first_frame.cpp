// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/first_frame.hpp"

#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

// What husk_switch_stacks pops, and above it what husk_thread_begin goes on with.
struct FirstFrame {
    std::uint64_t saved_registers[6];
    std::uint64_t return_address;
    arch::Context context;
};

}  // namespace

void lay_first_frame(Thread& thread, const arch::Context& context) {
    // SAFETY: the kernel stack is the new thread's alone until it is enqueued; the label is only an address.
    auto* frame = reinterpret_cast<FirstFrame*>(thread.kernel_stack - sizeof(FirstFrame));
    *frame = FirstFrame{{}, reinterpret_cast<std::uint64_t>(husk_thread_begin), context};
    thread.saved_rsp = reinterpret_cast<std::uint64_t>(frame);
}

}  // namespace husk::thread
