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
#include "guest-runtime/thread/death.hpp"
#include "guest-runtime/thread/scheduler.hpp"
#include "guest-runtime/thread/signal_delivery.hpp"
#include "guest-runtime/thread/signal_state.hpp"
#include "guest-runtime/thread/thread.hpp"
#include "guest-runtime/thread/timer_queue.hpp"

namespace husk::thread {

bool take_attention() {
    abi::VcpuMailbox& mailbox = arch::per_cpu().mailbox;
    // Pairs with the launcher's atomic or: what it wrote before is seen after.
    std::uint32_t bits = std::atomic_ref(mailbox.attention).exchange(0, std::memory_order_acq_rel);
    if (bits == 0) return false;
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
    } while (has_work(self));
}
