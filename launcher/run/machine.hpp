// SPDX-License-Identifier: Apache-2.0
// An assembled VM: memory, vCPUs and what serves them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
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
#include "launcher/run/ticker.hpp"
#include "launcher/run/vcpu_control.hpp"

namespace husk::run {

class Machine final : DoorbellHost, virtio::TransportHost {
public:
    // Builds everything up to the first instruction. Throws host::Error.
    Machine(const config::LaunchConfig& config, const image::Image& image, const RunHooks& hooks, Stats& stats);
    ~Machine() override;

    // Runs the boot vCPU on the calling thread until the VM ends, and stores how in outcome.
    void run(Outcome& outcome);

    [[nodiscard]] std::uint64_t resident_bytes() const { return memory_.resident_bytes(); }
    [[nodiscard]] std::vector<DeviceStats> device_stats() const { return devices_.stats(); }

    // After run(): whoever waits for the exit code may use the disks and the name.
    void close_devices();

private:
    struct VirtualCpu {
        VirtualCpu(kvm::Vcpu made, abi::VcpuMailbox& shared) : vcpu(std::move(made)), mailbox(shared) {}

        kvm::Vcpu vcpu;
        abi::VcpuMailbox& mailbox;
        VcpuControl control{vcpu, mailbox};
        std::optional<Ticker> ticker;
    };

    void create_vcpus(const kvm::System& system);
    [[nodiscard]] bool needs_cpuid() const;
    // Page tables, and what the guest has to know of them.
    [[nodiscard]] abi::BootInfo map_memory();
    // The same with all that comes from elsewhere.
    void write_boot_info(abi::BootInfo info);
    void set_first_state(VirtualCpu& cpu);

    // false: the VM ends.
    [[nodiscard]] bool serve(VirtualCpu& cpu, const kvm::Exit& exit, Outcome& outcome);
    [[nodiscard]] bool on_interrupted(VirtualCpu& cpu, Outcome& outcome);
    void try_upcall(VirtualCpu& cpu, Stats& stats);
    void start_ticker(VirtualCpu& cpu);
    [[nodiscard]] event::EventLoop& event_loop();

    // The boot vCPU's thread, once the VM is older than a slice; again has no effect.
    void start_control();
    void open_control();
    [[nodiscard]] std::string answer(const control::Request& request);
    [[nodiscard]] std::string info_line() const;
    [[nodiscard]] std::string stats_line() const;

    [[nodiscard]] bool serve_device(const kvm::MmioAccess& access);

    void on_device_news(std::uint32_t queue) override;
    void on_device_note(const std::string& sentence) override;
    void on_device_fault(const std::string& sentence) override;
    void watch_console(unsigned stream, short poll_events) override;
    void watch_debugger(int fd) override;
    VcpuControl* try_vcpu(std::uint64_t index) override;

    const config::LaunchConfig& config_;
    const image::Image& image_;
    const RunHooks& hooks_;
    Stats& stats_;  // of the outcome

    std::optional<control::NameClaim> name_;  // until control_ has it
    memory::GuestMemory memory_;
    Devices devices_;
    kvm::CpuModel cpu_model_;
    boot::MemoryPlan plan_;
    std::optional<kvm::Vm> vm_;
    std::optional<MemorySlots> slots_;
    std::deque<VirtualCpu> cpus_;
    std::optional<Doorbells> doorbells_;
    std::uint64_t tsc_hz_ = 0;
    std::int64_t tsc_offset_ = 0;
    std::chrono::steady_clock::time_point started_at_;
    std::atomic<bool> timed_out_ = false;
    std::atomic<bool> is_paused_ = false;
    std::atomic<bool> ended_by_force_ = false;  // over the control socket
    bool is_control_started_ = false;
    std::optional<control::Server> control_;
    std::atomic<bool> debugger_is_watched_ = false;
    std::mutex device_fault_mutex_;
    std::optional<std::string> device_fault_;       // why a device ended the VM
    std::unique_ptr<event::EventLoop> event_loop_;  // last: its thread ends first
};

}  // namespace husk::run
