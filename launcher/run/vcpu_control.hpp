// SPDX-License-Identifier: Apache-2.0
// How other threads and signal handlers reach a vCPU: attention, wake, kick.
//
// The vCPU's thread alternates between three states. Whoever wants something sets its word first and looks at the state
// afterwards; the vCPU sets the state first and looks at the words afterwards: no order of the two loses an event.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

#include <husk/abi/doorbell.hpp>

#include "launcher/event/spin_facts.hpp"
#include "launcher/kvm/vcpu.hpp"

namespace husk::run {

enum class VcpuState : std::uint32_t { host, guest, waiting };

class VcpuControl final {
public:
    // mailbox lives longer than this object.
    explicit VcpuControl(abi::VcpuMailbox& mailbox) : mailbox_(mailbox) {}

    // --- any thread, and signal handlers of the vCPU's own thread

    // Sets attention bits; a waiting vCPU goes on, one in the guest comes out.
    void raise(std::uint32_t attention_bits);
    void raise_signal(int number);

    // The same, but one in the guest is left alone: it looks on its way out of the runtime, and when its time slice is
    // over.
    void raise_lazily(std::uint32_t attention_bits);

    // Makes wait() return, now or when next called.
    void wake();

    // Makes a vCPU that is in the guest come out.
    void kick();

    // The vCPU shall stop for good.
    void request_stop();

    // The guest stands still from its next exit on, which comes soon, until resume(). Attention is kept meanwhile.
    void pause() { stand_still(pause_bit); }
    void resume() { go_on(pause_bit); }

    // The same on top of that, for the launcher's own purposes.
    void hold() { stand_still(hold_bit); }
    void release() { go_on(hold_bit); }

    // The kernel's id of its thread; 0 before it is attached.
    [[nodiscard]] int thread_id() const { return thread_id_.load(); }

    [[nodiscard]] VcpuState state() const { return static_cast<VcpuState>(state_.load()); }
    [[nodiscard]] std::uint32_t attention() const;
    [[nodiscard]] bool wants_tick(std::uint64_t guest_tsc) const;
    [[nodiscard]] std::uint64_t timer_deadline_tsc() const;

    // --- the vCPU's thread only

    // Before the first run_guest: kicks reach vcpu, and go to the calling thread. vcpu lives until the last run_guest
    // is over and no other thread kicks any more. Detach before this object goes.
    void attach_to_this_thread(kvm::Vcpu& vcpu);
    void detach_from_this_thread();

    // From now on device threads know which CPU the vCPU runs on.
    void share_spin_facts(event::SpinFacts& facts, std::uint32_t index);

    [[nodiscard]] kvm::Exit run_guest();

    // Sleeps until wake(), attention, a stop or pause request, an interruption that the caller must see to, or the time
    // is up.
    void wait(std::uint64_t timeout_ns);

    [[nodiscard]] bool stop_requested() const { return (still_.load() & stop_bit) != 0; }

    // An alarm of this thread went off: wait() returns early if asked to, and run_guest() comes back.
    void on_alarm();
    [[nodiscard]] bool take_alarm() { return alarm_.exchange(false); }
    void let_alarm_end_wait() { alarm_ends_wait_ = true; }

    // The profiler's timer went off: run_guest() comes back, unless the vCPU idles.
    void on_sample_due();
    [[nodiscard]] bool take_sample_wish() { return sample_is_due_.exchange(false); }

    // Done once, on the vCPU's thread, when an alarm goes off while it waits; the wait goes on.
    void set_alarm_work(std::function<void()> work) { alarm_work_ = std::move(work); }

private:
    static constexpr std::uint32_t pause_bit = 1, hold_bit = 2, stop_bit = 4;

    void nudge();
    void request_exit();
    void stand_still(std::uint32_t bit);
    void go_on(std::uint32_t bit);
    void stay_still();

    abi::VcpuMailbox& mailbox_;
    std::atomic<kvm::Vcpu*> vcpu_ = nullptr;  // null before it is attached: then there is nothing to bring out
    std::atomic<std::uint32_t> state_ = static_cast<std::uint32_t>(VcpuState::host);
    std::atomic<bool> wake_pending_ = false;
    std::atomic<std::uint32_t> still_ = 0;  // pause_bit, hold_bit, stop_bit, which stays
    std::atomic<bool> alarm_ = false;
    std::atomic<bool> sample_is_due_ = false;
    bool alarm_ends_wait_ = false;
    std::function<void()> alarm_work_;
    std::atomic<int> thread_id_ = 0;
    event::SpinFacts* spin_facts_ = nullptr;
    std::uint32_t spin_index_ = 0;
};

// The signal that kicks: its handler asks the vCPU of its thread to exit.
[[nodiscard]] int kick_signal();
void install_kick_handler();

// The signal of the profiler's timer.
[[nodiscard]] int sample_signal();
void install_sample_handler();

}  // namespace husk::run
