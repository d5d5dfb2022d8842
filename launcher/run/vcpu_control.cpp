// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/vcpu_control.hpp"

#include <cerrno>
#include <csignal>
#include <limits>

#include "launcher/host/clock.hpp"
#include "launcher/host/futex.hpp"
#include "launcher/host/signals.hpp"

namespace husk::run {

namespace {

constexpr std::uint32_t word(VcpuState state) { return static_cast<std::uint32_t>(state); }

thread_local VcpuControl* control_of_this_thread = nullptr;

void on_kick(int, siginfo_t* info, void*) {
    const int saved_errno = errno;
    if (VcpuControl* control = control_of_this_thread; control != nullptr) {
        if (info->si_code == SI_TIMER) control->on_alarm();
        control->kick();
    }
    errno = saved_errno;
}

// No system call of the launcher's own ends early for it: only the guest is interrupted.
void on_sample(int, siginfo_t*, void*) {
    if (VcpuControl* control = control_of_this_thread; control != nullptr) control->on_sample_due();
}

}  // namespace

int sample_signal() { return SIGRTMIN + 1; }
void install_sample_handler() { host::handle_signal_quietly(sample_signal(), on_sample); }

int kick_signal() { return SIGRTMIN; }

void install_kick_handler() { host::handle_signal(kick_signal(), on_kick); }

void VcpuControl::raise(std::uint32_t attention_bits) {
    std::atomic_ref(mailbox_.attention).fetch_or(attention_bits);
    nudge();
    kick();
}

void VcpuControl::raise_lazily(std::uint32_t attention_bits) {
    std::atomic_ref(mailbox_.attention).fetch_or(attention_bits);
    nudge();
}

void VcpuControl::raise_signal(int number) {
    std::atomic_ref(mailbox_.signals).fetch_or(std::uint64_t{1} << (number - 1));
    raise(abi::attention::signals);
}

void VcpuControl::wake() {
    wake_pending_.store(true);
    nudge();
}

void VcpuControl::kick() {
    // The request first: a vCPU that is just about to enter finds it there. One that is inside needs the signal, whose
    // handler does all this again on the right thread.
    request_exit();
    if (state() == VcpuState::guest && control_of_this_thread != this) host::signal_thread(thread_id(), kick_signal());
}

void VcpuControl::request_exit() {
    if (kvm::Vcpu* const vcpu = vcpu_.load(); vcpu != nullptr) vcpu->request_exit();
}

void VcpuControl::request_stop() {
    // In the word that stay_still() sleeps on: one that is about to sleep finds it changed.
    if (still_.fetch_or(stop_bit) != 0) host::futex_wake(still_);
    nudge();
    kick();
}

void VcpuControl::stand_still(std::uint32_t bit) {
    still_.fetch_or(bit);
    nudge();
    kick();
}

void VcpuControl::go_on(std::uint32_t bit) {
    still_.fetch_and(~bit);
    host::futex_wake(still_);
}

void VcpuControl::stay_still() {
    for (;;) {
        const std::uint32_t still = still_.load();
        if (still == 0 || (still & stop_bit) != 0) return;
        host::futex_wait(still_, still, host::no_deadline_ns);
    }
}

void VcpuControl::nudge() {
    std::uint32_t waiting = word(VcpuState::waiting);
    if (!state_.compare_exchange_strong(waiting, word(VcpuState::host))) return;
    if (spin_facts_ != nullptr) spin_facts_->note_awake(spin_index_);
    host::futex_wake(state_);
}

std::uint32_t VcpuControl::attention() const {
    return std::atomic_ref(mailbox_.attention).load() & ~abi::attention::own;
}

std::uint64_t VcpuControl::timer_deadline_tsc() const { return std::atomic_ref(mailbox_.timer_deadline_tsc).load(); }

bool VcpuControl::wants_tick(std::uint64_t guest_tsc) const {
    return std::atomic_ref(mailbox_.want_tick).load() != 0 || guest_tsc >= timer_deadline_tsc();
}

void VcpuControl::attach_to_this_thread(kvm::Vcpu& vcpu) {
    thread_id_.store(host::current_thread_id());
    control_of_this_thread = this;
    vcpu_.store(&vcpu);
    // What was asked for before there was a vCPU to ask.
    if (stop_requested() || attention() != 0) vcpu.request_exit();
}

void VcpuControl::detach_from_this_thread() { control_of_this_thread = nullptr; }

void VcpuControl::share_spin_facts(event::SpinFacts& facts, std::uint32_t index) {
    spin_facts_ = &facts;
    spin_index_ = index;
}

kvm::Exit VcpuControl::run_guest() {
    kvm::Vcpu& vcpu = *vcpu_.load(std::memory_order_relaxed);
    stay_still();
    if (spin_facts_ != nullptr) spin_facts_->note_running(spin_index_);
    state_.store(word(VcpuState::guest));
    const kvm::Exit exit = vcpu.run();
    state_.store(word(VcpuState::host));
    // Cleared before the caller looks at what was wanted; a request from here on ends the next run at once.
    if (std::holds_alternative<kvm::Interrupted>(exit)) vcpu.clear_exit_request();
    return exit;
}

void VcpuControl::wait(std::uint64_t timeout_ns) {
    kvm::Vcpu& vcpu = *vcpu_.load(std::memory_order_relaxed);
    if (spin_facts_ != nullptr) spin_facts_->note_waiting(spin_index_);
    std::uint64_t deadline_ns = host::no_deadline_ns;
    constexpr std::uint64_t longest_ns = std::numeric_limits<std::int64_t>::max() / 2;
    if (timeout_ns < longest_ns) deadline_ns = host::monotonic_ns() + timeout_ns;
    for (;;) {
        if (alarm_work_ && alarm_.load()) std::exchange(alarm_work_, nullptr)();
        state_.store(word(VcpuState::waiting));
        if (attention() != 0 || wake_pending_.load() || still_.load() != 0) break;
        if (alarm_ends_wait_ && alarm_.load()) break;
        if (host::futex_wait(state_, word(VcpuState::waiting), deadline_ns) == host::FutexResult::timed_out) break;
    }
    state_.store(word(VcpuState::host));
    wake_pending_.store(false);
    // The guest looks at its attention when a wait ends: no need to bring it out again for what has come so far.
    vcpu.clear_exit_request();
    if (stop_requested() || alarm_.load()) vcpu.request_exit();
}

void VcpuControl::on_sample_due() {
    if (state() == VcpuState::waiting) return;
    sample_is_due_.store(true);
    request_exit();
}

void VcpuControl::on_alarm() {
    alarm_.store(true);
    nudge();  // it may be about to sleep
}

}  // namespace husk::run
