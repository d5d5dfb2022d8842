// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/first_thread.hpp"

#include <array>
#include <new>

#include <husk/abi/machine.hpp>

#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/base/string.hpp"
#include "guest-runtime/thread/debugger.hpp"
#include "guest-runtime/thread/first_frame.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/thread.hpp"

namespace husk::thread {

namespace {

alignas(Thread) constinit std::array<std::byte, sizeof(Thread) * max_vcpus> idle_threads{};

// The part of the image's path that ps(1) would show.
void name_after_image(Thread& thread, std::string_view name) {
    name = name.substr(name.rfind('/') + 1);
    name = name.substr(0, sizeof thread.name - 1);
    memcpy(thread.name, name.data(), name.size());
}

}  // namespace

void become_idle_thread() {
    arch::PerCpu& cpu = arch::per_cpu();
    auto* idle = new (&idle_threads[cpu.mailbox.vcpu_index * sizeof(Thread)]) Thread;
    idle->vcpu = cpu.mailbox.vcpu_index;
    idle->kernel_stack = cpu.mailbox.self + abi::vcpu_area::boot_stack_end - 8;
    cpu.idle = cpu.current = idle;
    cpu.mailbox.upcall_stack = idle->kernel_stack;
}

void start_first_thread(std::string_view image_path, std::uint64_t rip, std::uint64_t rsp) {
    auto made = create_thread();
    check(made.ok(), "no memory for the first thread");
    Thread& thread = *made.value();
    arch::Context context{};
    context.orig_rax = ~0ull;
    context.rip = rip;
    context.rsp = rsp;
    context.cs = abi::selector::user_code;
    context.ss = abi::selector::user_data;
    context.rflags = abi::user_rflags;
    lay_first_frame(thread, context);
    name_after_image(thread, image_path);
    if (debugger_is_attached()) thread.work.fetch_or(work::stop | work::stop_asked, std::memory_order_relaxed);
    {
        Guard guard(all_threads().lock);
        thread.tid = next_tid();
        all_threads().threads.push_back(thread);
        all_threads().count = 1;
    }
    Guard guard(thread.lock);
    enqueue(thread);
}

}  // namespace husk::thread
