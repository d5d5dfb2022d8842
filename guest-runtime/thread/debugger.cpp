// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/debugger.hpp"

#include <husk/abi/machine.hpp>

#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/thread/peer_requests.hpp"
#include "guest-runtime/thread/thread.hpp"
#include "guest-runtime/thread/thread_records.hpp"

namespace husk::thread {

namespace {

constexpr std::uint64_t debug_vector = 1;
constexpr int sigkill = 9;
constexpr std::uint64_t stop_patience_ns = 1'000'000'000;

constinit bool is_attached = false;
constinit abi::StopRecord record{};  // in the image's bss, whose gpa is its address

// The step led into the runtime. Patched instructions and the answer to cpuid are stepped through, since they come back
// by a jump; a system call is one step, which ends when it leaves the runtime.
void step_in_runtime(arch::Context& context) {
    // SAFETY: an address only.
    if (context.rip != reinterpret_cast<std::uint64_t>(husk_syscall_entry)) return;
    context.rflags &= ~abi::trap_flag;
    current().work.fetch_or(work::stop, std::memory_order_relaxed);
}

bool stop(abi::StopReason reason, int signal, arch::Context* context) {
    // A vCPU that stops while another one has stopped all takes its turn afterwards.
    stop_others(stop_patience_ns);
    const auto threads = record_threads(context);
    record.reason = reason;
    record.signal = static_cast<std::uint32_t>(signal);
    record.current_tid = context != nullptr ? current().tid : 0;
    record.thread_count = static_cast<std::uint32_t>(threads.size());
    record.threads_gpa = thread_records_gpa();
    const std::int64_t answer = platform::stop(record);
    if (answer < 0) platform::exit(0, sigkill);
    obey_thread_records(context);
    let_others_go_on();
    return answer > 0;
}

}  // namespace

void attach_debugger() { is_attached = true; }
bool debugger_is_attached() { return is_attached; }

void stop_for_debugger(abi::StopReason reason, arch::Context* context) { (void)stop(reason, 0, context); }

bool stop_at_fault(int signal, arch::Context& context) { return stop(abi::StopReason::fault, signal, &context); }

bool take_debug_trap(std::uint64_t vector, arch::Context& context) {
    const bool is_step = vector == debug_vector;
    if (arch::is_runtime_text(context.rip)) {
        if (is_step) step_in_runtime(context);
        return is_step;
    }
    stop_for_debugger(is_step ? abi::StopReason::step : abi::StopReason::breakpoint, &context);
    return true;
}

}  // namespace husk::thread
