// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/thread/attention.hpp"

#include <atomic>
#include <bit>

#include <husk/abi/doorbell.hpp>

#include "guest-runtime/arch/entry.hpp"
#include "guest-runtime/arch/per_cpu.hpp"
#include "guest-runtime/base/platform.hpp"
#include "guest-runtime/memory/late_relro.hpp"
#include "guest-runtime/thread/console_wait.hpp"
#include "guest-runtime/thread/debugger.hpp"
#include "guest-runtime/thread/last_calls.hpp"
#include "guest-runtime/thread/peer_requests.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/signal_delivery.hpp"
#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/thread.hpp"
#include "guest-runtime/thread/timer_queue.hpp"

namespace husk::thread {

namespace {

// A running thread stops on its way out of the runtime, where all its registers are known.
void ask_for_stop() {
    Thread& self = current();
    if (&self == arch::per_cpu().idle) {
        stop_for_debugger(abi::StopReason::asked, nullptr);
    } else {
        self.work.fetch_or(work::stop | work::stop_asked, std::memory_order_relaxed);
    }
}

void stop_if_wanted(Thread& self, arch::Context& context) {
    const std::uint32_t wanted = self.work.fetch_and(~(work::stop | work::stop_asked), std::memory_order_relaxed);
    if ((wanted & work::stop) == 0) return;
    stop_for_debugger((wanted & work::stop_asked) != 0 ? abi::StopReason::asked : abi::StopReason::step, &context);
}

void move_if_wanted(Thread& self) {
    if ((self.work.fetch_and(~work::move, std::memory_order_seq_cst) & work::move) == 0) return;
    self.lock.lock();
    switch_away(self);
}

// A handler's address and the one in a frame are the application's to choose. `iretq` would fault on such a one in the
// runtime; on Linux it is the application's own fault.
void refuse_non_canonical(const arch::Context& context) {
    constexpr std::uint64_t general_protection = 13;
    auto rip = static_cast<std::int64_t>(context.rip);
    if (rip << 16 >> 16 != rip) force_signal(fault_info(signal_number::segv, si_kernel, 0, general_protection));
}

}  // namespace

bool wants_attention() {
    return std::atomic_ref(arch::per_cpu().mailbox.attention).load(std::memory_order_relaxed) != 0;
}

bool take_attention() {
    abi::VcpuMailbox& mailbox = arch::per_cpu().mailbox;
    // Pairs with the launcher's atomic or: what it wrote before is seen after.
    std::uint32_t bits = std::atomic_ref(mailbox.attention).exchange(0, std::memory_order_acq_rel);
    if (bits == 0) return false;
    if ((bits & abi::attention::peer) != 0) answer_peers();
    if ((bits & abi::attention::signals) != 0) {
        SignalSet signals = std::atomic_ref(mailbox.signals).exchange(0, std::memory_order_acq_rel);
        while (signals != 0) {
            int number = std::countr_zero(signals) + 1;
            signals &= signals - 1;
            send_to_process(sender_info(number, si_user));
        }
    }
    if ((bits & abi::attention::console) != 0) console_queue().wake_all();
    if ((bits & abi::attention::devices) != 0) platform::serve_devices();
    if ((bits & abi::attention::stop) != 0) ask_for_stop();
    return (bits & abi::attention::tick) != 0;
}

}  // namespace husk::thread

extern "C" void husk_leave_runtime(husk::arch::Context* context) {
    using namespace husk::thread;
    Thread& self = current();
    do {
        if (take_attention()) {
            husk::memory::apply_postponed_relro();
            timer_queue().expire();
            yield();
        }
        if (is_exiting()) stay_in_runtime();
        self.work.fetch_and(~work::full_restore, std::memory_order_relaxed);
        if (has_work(self)) deliver_signals(*context);
        if (has_work(self)) stop_if_wanted(self, *context);
        if (has_work(self)) move_if_wanted(self);
        refuse_non_canonical(*context);
    } while (has_work(self));
    ring_postponed();
}
