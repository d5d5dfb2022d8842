// SPDX-License-Identifier: Apache-2.0
// An assembled VM: memory, vCPUs and what serves them.
//
// Threads: the one that makes the machine and calls run() is the boot vCPU's. Each secondary vCPU has its own, which
// does the same from run_secondary() on. All of them call serve() and what is below it; the event loop's thread calls
// the callbacks that they leave there, and devices' threads the functions of TransportHost. What they share is either
// set before run() and constant, or guarded as said beside it, or does its own locking: cpus_, doorbells_, devices_,
// slots_.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "launcher/boot/memory_plan.hpp"
#include "launcher/config/launch_config.hpp"
#include "launcher/control/server.hpp"
#include "launcher/event/event_loop.hpp"
#include "launcher/image/image.hpp"
#include "launcher/kvm/cpu_model.hpp"
#include "launcher/kvm/cpu_model_cache.hpp"
#include "launcher/kvm/vm.hpp"
#include "launcher/memory/guest_memory.hpp"
#include "launcher/run/devices.hpp"
#include "launcher/run/doorbells.hpp"
#include "launcher/run/memory_slots.hpp"
#include "launcher/run/run.hpp"
#include "launcher/run/vcpu_factory.hpp"
#include "launcher/run/virtual_cpus.hpp"

namespace husk::run {

class Machine final : DoorbellHost, virtio::TransportHost {
public:
    // Builds everything up to the first instruction. Throws host::Error.
    Machine(const config::LaunchConfig& config, const image::Image& image, const RunHooks& hooks, Stats& stats);
    ~Machine() override;

    // Runs the boot vCPU on the calling thread until the VM ends, and stores how in outcome. No vCPU runs afterwards.
    void run(Outcome& outcome);

    [[nodiscard]] std::uint64_t resident_bytes() const { return memory_.resident_bytes(); }
    [[nodiscard]] std::vector<DeviceStats> device_stats() const { return devices_.stats(); }

    // After run(): whoever waits for the exit code may use the disks and the name.
    void close_devices();

private:
    // machine_guest.cpp: what the guest finds in its memory.
    // Page tables, and what the guest has to know of them.
    [[nodiscard]] abi::BootInfo map_memory();
    // The same with all that comes from elsewhere.
    void write_boot_info(abi::BootInfo info);

    void add_vcpus();

    // machine_run.cpp: each on the thread of the vCPU that it names.
    void run_secondary(VirtualCpu& cpu);
    void attach(VirtualCpu& cpu);
    void run_until_end(VirtualCpu& cpu);
    // false: the vCPU has come to its end.
    [[nodiscard]] bool serve(VirtualCpu& cpu, const kvm::Exit& exit);
    [[nodiscard]] bool serve_doorbell(VirtualCpu& cpu, std::uint16_t port);
    [[nodiscard]] bool serve_memory(VirtualCpu& cpu, const kvm::Exit& exit);
    [[nodiscard]] bool serve_device(const kvm::MmioAccess& access);
    [[nodiscard]] bool on_interrupted(VirtualCpu& cpu);
    void try_upcall(VirtualCpu& cpu);
    void take_sample(VirtualCpu& cpu) const;
    void start_ticker(VirtualCpu& cpu);

    // The VM ends; of several reasons the first one counts. Any thread.
    void end(End end);
    void end(host::ExitCode code, std::string sentence) { end({0, 0, Failure{code, std::move(sentence)}}); }
    // What a vCPU's thread does; an exception ends the VM.
    void work_until_error(const std::function<void()>& work);

    // Its thread starts with the first call. Any thread.
    [[nodiscard]] event::EventLoop& event_loop();

    // machine_control.cpp. The boot vCPU's thread, once the VM is older than a slice; again has no effect.
    void start_control();
    // The event loop's thread.
    void open_control();
    [[nodiscard]] std::string answer(const control::Request& request);
    [[nodiscard]] std::string info_line() const;
    [[nodiscard]] std::string stats_line() const;

    // TransportHost
    void on_device_news(std::uint32_t home) override;
    void on_device_note(const std::string& sentence) override;
    void on_device_fault(const std::string& sentence) override;
    void on_device_breakdown(const std::string& sentence) override { end(host::ExitCode::host_failure, sentence); }

    // DoorbellHost
    void watch_console(unsigned stream, short poll_events) override;
    void watch_debugger(int fd) override;
    void watch_trace() override;
    bool wake_vcpu(std::uint64_t index) override { return cpus_.wake(index); }
    bool interrupt_vcpu(std::uint64_t index) override { return cpus_.interrupt(index); }
    void hold_others(const VirtualCpu& cpu) override { cpus_.hold_others(cpu); }
    void release_others(const VirtualCpu& cpu) override { cpus_.release_others(cpu); }

    // Constant once the VM runs.
    const config::LaunchConfig& config_;
    const image::Image& image_;
    const RunHooks& hooks_;
    memory::GuestMemory memory_;
    kvm::CpuModel cpu_model_;
    boot::MemoryPlan plan_;
    std::uint64_t tsc_hz_ = 0;
    std::int64_t tsc_offset_ = 0;
    std::chrono::steady_clock::time_point started_at_;
    std::optional<VcpuFactory> vcpu_factory_;

    Devices devices_;
    std::optional<kvm::Vm> vm_;
    std::optional<MemorySlots> slots_;
    VirtualCpus cpus_;
    std::optional<Doorbells> doorbells_;

    std::mutex end_mutex_;
    std::optional<End> end_;  // under end_mutex_

    bool is_control_started_ = false;         // the boot vCPU's thread
    std::optional<control::NameClaim> name_;  // until control_ has it; then the event loop's thread, as control_
    std::optional<control::Server> control_;
    std::atomic<bool> is_paused_ = false;
    std::atomic<int> debugger_fd_ = -1;  // what the loop watches for the debugger; -1: nothing

    // Last: their threads end first.
    std::mutex event_loop_mutex_;  // the creation of the first
    std::unique_ptr<event::EventLoop> event_loop_;
    std::unique_ptr<event::EventLoop> trace_loop_;  // of its own: it waits for whoever reads the trace
};

}  // namespace husk::run
