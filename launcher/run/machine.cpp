// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/machine.hpp"

#include <utility>

#include <husk/abi/memory_layout.hpp>

#include "launcher/boot/apply_patches.hpp"
#include "launcher/boot/boot_info.hpp"
#include "launcher/boot/load_image.hpp"
#include "launcher/run/boot_blobs.hpp"
#include "launcher/run/placement.hpp"
#include "launcher/run/step_timer.hpp"

namespace husk::run {

Machine::Machine(const config::LaunchConfig& config, const image::Image& image, const RunHooks& hooks, Stats& stats)
    : config_(config),
      image_(image),
      hooks_(hooks),
      memory_(memory::GuestMemory::create(config.memory_bytes, config.huge_pages, config.placement)),
      devices_(config, memory_, *this, hooks.on_warning) {
    StepTimer timer(stats);
    check_pins(config);
    if (!config.name.empty()) name_.emplace(control::NameClaim::claim(config.name));
    const kvm::System system = kvm::System::open();
    check_cpu_count(config.cpus, system, hooks.on_warning);
    check_memory(memory_.size_bytes(), hooks.on_warning);
    kvm::load_cpu_model(system, cpu_model_);
    timer.done("cpu model");
    plan_ = boot::plan_memory(image.segments, memory_.size_bytes(), config.cpus,
                              boot::boot_info_bytes(blobs_of(config_, cpu_model_, devices_)), devices_.needs());
    abi::BootInfo info = map_memory();
    timer.done("page tables");
    // On this thread: KVM waits for kernel threads in each of the steps that follow, and those wait for a time slice to
    // end, 4 ms and more, when a second thread of ours copies on their CPU.
    boot::load_image(image, memory_);
    timer.done("load image");
    boot::apply_patches(image_, memory_);
    timer.done("apply patches");
    vm_ = kvm::Vm::create(system);
    timer.done("create VM");
    vcpu_factory_.emplace(system, *vm_, cpu_model_, plan_, image_, memory_);
    add_vcpus();
    timer.done("create vCPU");
    // Which are told what happens to a device, and watched by its thread.
    if (!devices_.empty()) {
        devices_.connect(*vm_, plan_.device_queues);
        timer.done("add devices");
    }
    write_boot_info(info);
    vcpu_factory_->set_first_state(*cpus_.boot().vcpu, cpus_.boot().mailbox);
    timer.done("first state");
    slots_.emplace(*vm_, memory_, cpu_model_.kind, plan_.image.end);
    timer.done("add memory");

    doorbells_.emplace(memory_, abi::GuestPhys{plan_.tables.begin}, hooks_, static_cast<DoorbellHost&>(*this));
    stats.kvm_kind = cpu_model_.kind;
    stats.backing = memory_.backing();
    stats.memory_bytes = memory_.size_bytes();
    stats.tsc_hz = tsc_hz_;
    stats.cpus = config.cpus;
}

Machine::~Machine() = default;

void Machine::add_vcpus() {
    for (std::uint32_t index = 0; index < config_.cpus; ++index) {
        auto* const mailbox = memory_.try_shared<abi::VcpuMailbox>(plan_.vcpu_area(index));
        if (mailbox == nullptr) throw host::Error(host::ExitCode::memory_too_small, "no memory for a virtual CPU");
        cpus_.add(*mailbox);
    }
    cpus_.set_body([this](VirtualCpu& cpu) { run_secondary(cpu); });
    const kvm::Vcpu& boot = cpus_.boot().vcpu.emplace(vcpu_factory_->create_boot());
    tsc_hz_ = boot.tsc_hz();
    // Without virtualisation of the TSC there is nothing that could differ.
    if (cpu_model_.kind == kvm::Kind::hw) tsc_offset_ = boot.tsc_offset();
    if (!devices_.empty()) devices_.spin_facts().connect(cpus_.spin_words());
}

}  // namespace husk::run
