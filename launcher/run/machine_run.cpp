// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <string>
#include <utility>

#include <x86intrin.h>

#include <husk/abi/machine.hpp>

#include "launcher/host/cpu_affinity.hpp"
#include "launcher/host/patience.hpp"
#include "launcher/host/signals.hpp"
#include "launcher/run/guest_fault.hpp"
#include "launcher/run/host_signals.hpp"
#include "launcher/run/machine.hpp"
#include "launcher/run/step_timer.hpp"

namespace husk::run {

namespace {

constexpr std::uint16_t serial_ports = 8;
constexpr std::uint16_t line_status_offset = 5;
constexpr std::byte transmitter_empty{0x60};

// Closing a VM that has an ioeventfd waits for a grace period of the host's kernel, 15 ms, unless the VM is older than
// one: a short run must not get any.
constexpr std::chrono::milliseconds event_fd_age(20);

// How long the trace of a guest that makes few calls may lag behind.
constexpr std::chrono::milliseconds trace_period(100);

bool is_doorbell(std::uint16_t port) { return port >= abi::doorbell_first_port && port <= abi::doorbell_last_port; }
bool is_serial(std::uint16_t port) { return port >= abi::serial_port && port < abi::serial_port + serial_ports; }

std::uint64_t first_alarm_ns(const config::LaunchConfig& config) {
    if (!config.timeout) return slice_ns;
    const std::chrono::nanoseconds timeout = *config.timeout;
    return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(timeout.count()), 1, slice_ns);
}

}  // namespace

void Machine::run(Outcome& outcome) {
    StepTimer timer(outcome.stats);
    VirtualCpu& cpu = cpus_.boot();
    if (!config_.pins.empty()) host::pin_this_thread(config_.pins[cpu.index]);
    attach(cpu);
    if (config_.timeout) cpu.control.let_alarm_end_wait();
    cpu.control.set_alarm_work([this] { start_control(); });
    install_kick_handler();
    if (hooks_.on_sample) install_sample_handler();
    forward_host_signals(cpus_);
    started_at_ = std::chrono::steady_clock::now();
    host::ThreadAlarm alarm(kick_signal());
    alarm.start(first_alarm_ns(config_));
    timer.done("start");
    outcome.stats.first_run_tsc = __rdtsc() + static_cast<std::uint64_t>(tsc_offset_);
    work_until_error([&] { run_until_end(cpu); });
    timer.done("run");
    cpus_.end_others();
    doorbells_->drain_trace();
    stop_forwarding_host_signals();
    cpu.control.detach_from_this_thread();
    outcome.crash = doorbells_->crash();
    outcome.stats.counts = cpus_.counts();
    const std::lock_guard lock(end_mutex_);
    // A stop that nobody gave a reason for is a signal handler's.
    outcome.end = end_.value_or(End{0, second_end_signal(), std::nullopt});
}

void Machine::run_secondary(VirtualCpu& cpu) {
    work_until_error([&] {
        host::name_this_thread("husk-cpu" + std::to_string(cpu.index));
        if (!config_.pins.empty()) host::pin_this_thread(config_.pins[cpu.index]);
        cpu.vcpu.emplace(vcpu_factory_->create_secondary(cpu.index, cpu.mailbox));
        attach(cpu);
        host::unblock_signal(kick_signal());
        host::ThreadAlarm alarm(kick_signal());
        alarm.start(slice_ns);
        run_until_end(cpu);
        cpu.control.detach_from_this_thread();
    });
}

void Machine::work_until_error(const std::function<void()>& work) {
    try {
        work();
    } catch (const host::Error& error) {
        end(error.code(), error.what());
    } catch (const std::exception& error) {
        end(host::ExitCode::host_failure, error.what());
    }
}

void Machine::attach(VirtualCpu& cpu) {
    cpu.control.attach_to_this_thread(*cpu.vcpu);
    if (!devices_.empty()) cpu.control.share_spin_facts(devices_.spin_facts(), cpu.index);
}

void Machine::run_until_end(VirtualCpu& cpu) {
    std::optional<host::ThreadAlarm> sampler;
    if (hooks_.on_sample) {
        host::unblock_signal(sample_signal());
        sampler.emplace(sample_signal()).start_periodic(sample_period_ns);
    }
    while (serve(cpu, cpu.control.run_guest())) {
    }
}

bool Machine::serve(VirtualCpu& cpu, const kvm::Exit& exit) {
    if (const auto* write = std::get_if<kvm::PortWrite>(&exit)) {
        if (is_doorbell(write->port)) return serve_doorbell(cpu, write->port);
        if (is_serial(write->port)) {
            cpu.counts.count(ExitKind::serial);
            if (write->port == abi::serial_port) doorbells_->write_serial(write->data);
            return true;
        }
    }
    if (const auto* read = std::get_if<kvm::PortRead>(&exit); read != nullptr && is_serial(read->port)) {
        cpu.counts.count(ExitKind::serial);
        std::ranges::fill(read->data,
                          read->port == abi::serial_port + line_status_offset ? transmitter_empty : std::byte{0});
        return true;
    }
    if (std::holds_alternative<kvm::Interrupted>(exit)) {
        cpu.counts.count(ExitKind::interrupted);
        return on_interrupted(cpu);
    }
    if (serve_memory(cpu, exit)) return true;
    cpu.counts.count(ExitKind::other);
    end(host::ExitCode::guest_fault, describe_fault(exit, *cpu.vcpu));
    return false;
}

bool Machine::serve_doorbell(VirtualCpu& cpu, std::uint16_t port) {
    if (auto ending = doorbells_->serve(port, cpu)) {
        end(std::move(*ending));
        return false;
    }
    if (cpu.ticker) cpu.ticker->ensure_running();
    return true;
}

bool Machine::serve_memory(VirtualCpu& cpu, const kvm::Exit& exit) {
    if (const auto* access = std::get_if<kvm::MmioAccess>(&exit)) {
        if (serve_device(*access)) {
            cpu.counts.count(ExitKind::device);
            return true;
        }
        if (slots_->try_serve(*access)) {
            cpu.counts.count(ExitKind::memory);
            return true;
        }
    }
    if (std::holds_alternative<kvm::EmulationFailed>(exit) && slots_->try_grow(cpu.knows_all_memory)) {
        cpu.counts.count(ExitKind::memory);
        return true;
    }
    return false;
}

bool Machine::serve_device(const kvm::MmioAccess& access) {
    if (devices_.empty() || !devices_.try_serve(access)) return false;
    if (devices_.wants_event_fds() && std::chrono::steady_clock::now() - started_at_ >= event_fd_age) {
        slots_->grow();
        devices_.use_event_fds();
    }
    return true;
}

bool Machine::on_interrupted(VirtualCpu& cpu) {
    if (cpu.control.stop_requested()) return false;
    if (cpu.control.take_sample_wish()) take_sample(cpu);
    if (cpu.control.take_alarm()) {
        start_ticker(cpu);
        if (cpu.index == 0) start_control();
    }
    if (cpu.control.attention() != 0) try_upcall(cpu);
    return true;
}

void Machine::take_sample(VirtualCpu& cpu) const {
    const auto registers = cpu.vcpu->try_registers();
    if (!registers) return;
    hooks_.on_sample({*registers, plan_.vcpu_area(cpu.index), memory_, {plan_.tables.begin}});
}

void Machine::try_upcall(VirtualCpu& cpu) {
    const auto position = cpu.vcpu->try_position();
    const std::uint64_t stack = std::atomic_ref(cpu.mailbox.upcall_stack).load();
    const bool in_application =
        position && position->ring == 3 && !position->event_in_flight &&
        (position->rip < image_.note.runtime_text_begin || position->rip >= image_.note.runtime_text_end);
    if (!in_application || stack == 0) {
        start_ticker(cpu);
        cpu.ticker->retry_attention();
        return;
    }
    std::atomic_ref(cpu.mailbox.upcall_rip).store(position->rip);
    std::atomic_ref(cpu.mailbox.upcall_rsp).store(position->rsp);
    std::atomic_ref(cpu.mailbox.upcall_rflags).store(position->rflags);
    cpu.vcpu->redirect(image_.note.upcall, stack, abi::user_rflags);
    cpu.counts.upcalls.add_one();
}

void Machine::start_ticker(VirtualCpu& cpu) {
    if (cpu.ticker) return;
    cpu.ticker.emplace(event_loop(), cpu.control, tsc_hz_, tsc_offset_);
    cpu.ticker->ensure_running();
}

void Machine::end(End end) {
    {
        const std::lock_guard lock(end_mutex_);
        if (!end_) end_ = std::move(end);
    }
    // Its thread stops the others.
    cpus_.boot().control.request_stop();
}

event::EventLoop& Machine::event_loop() {
    const std::lock_guard lock(event_loop_mutex_);
    if (event_loop_ != nullptr) return *event_loop_;
    event_loop_ = std::make_unique<event::EventLoop>();
    if (config_.timeout) {
        const auto due = std::chrono::nanoseconds(*config_.timeout) - (std::chrono::steady_clock::now() - started_at_);
        event_loop_->call_after(std::max(due, std::chrono::nanoseconds(0)), [this] {
            host::limit_patience();
            end(host::ExitCode::timeout,
                "the guest did not end within the --timeout of " + std::to_string(config_.timeout->count()) + " ms");
        });
    }
    return *event_loop_;
}

void Machine::on_device_news(std::uint32_t home) { cpus_.raise_lazily(abi::attention::devices, home); }

void Machine::on_device_note(const std::string& sentence) {
    if (hooks_.on_note) hooks_.on_note(sentence);
}

void Machine::on_device_fault(const std::string& sentence) {
    end(host::ExitCode::guest_fault, "the guest broke a rule of virtio: " + sentence);
}

void Machine::watch_console(unsigned stream, short poll_events) {
    event_loop().watch(static_cast<int>(stream), poll_events, [this] { cpus_.raise(abi::attention::console); });
}

void Machine::watch_debugger(int fd) {
    // Another one than before is watched anew: the debugger's connection may have gone with its watch.
    if (debugger_fd_.exchange(fd) == fd) return;
    event_loop().watch(fd, POLLIN, [this, fd] {
        int watched = fd;
        debugger_fd_.compare_exchange_strong(watched, -1);
        // While the guest stands still, it is its debugger who reads.
        if (!doorbells_->is_stopped()) cpus_.raise(abi::attention::stop);
    });
}

void Machine::watch_trace() {
    if (trace_loop_ == nullptr) trace_loop_ = std::make_unique<event::EventLoop>();
    trace_loop_->call_after(trace_period, [this] {
        doorbells_->drain_trace();
        hooks_.on_trace_period();
        watch_trace();
    });
}

}  // namespace husk::run
