// SPDX-License-Identifier: Apache-2.0
// One virtual CPU of KVM.
//
//   vcpu.set_cpuid(table);                 // before set_state where KVM virtualises cpuid
//   vcpu.set_state(state, true);
//   while (...) on_exit(vcpu.run());       // always on the same thread
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <husk/abi/crash_record.hpp>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/host/mapping.hpp"
#include "launcher/kvm/cpu_state.hpp"
#include "launcher/kvm/exit.hpp"
#include "launcher/kvm/kvm_abi.hpp"

namespace husk::kvm {

// Where a vCPU was when it left the guest.
struct CodePosition {
    std::uint64_t rip;
    std::uint64_t rsp;
    std::uint64_t rflags;
    std::uint8_t ring;
    bool event_in_flight;  // an exception or interrupt is half delivered: it belongs to this rip
};

class Vcpu final {
public:
    Vcpu(host::FileDescriptor fd, std::size_t run_bytes, std::uint32_t index);

    void set_cpuid(const CpuidTable& table) const;

    // The state of the first instruction. with_xcr0: this KVM virtualises XCR0.
    void set_state(const CpuState& state, bool with_xcr0);

    // Secondary vCPUs start as "wait for INIT" where an interrupt chip is in the kernel.
    void set_runnable() const;

    [[nodiscard]] std::uint64_t tsc_hz() const;

    // Guest TSC minus host TSC.
    [[nodiscard]] std::int64_t tsc_offset() const;

    // The same as KVM keeps it, to be given to other vCPUs of the VM: their clocks must agree to the tick. Nothing:
    // this KVM keeps no offset, or does not tell.
    [[nodiscard]] std::optional<std::uint64_t> try_exact_tsc_offset() const;
    void set_exact_tsc_offset(std::uint64_t offset) const;

    // Runs the guest until it exits.
    [[nodiscard]] Exit run();

    // Makes run() return Interrupted, now or when next called. Any thread, and signal handlers; a vCPU inside the guest
    // needs a signal to its thread as well.
    void request_exit();
    void clear_exit_request();

    // Only while the vCPU is out of the guest, after Interrupted: then no instruction is half done.
    [[nodiscard]] std::optional<CodePosition> try_position();

    // All general registers, and the ring in the low bits of cs. At the same times as try_position().
    [[nodiscard]] std::optional<abi::CrashRegisters> try_registers();

    // Continues at rip with rsp and rflags; the other registers stay. After try_position.
    void redirect(std::uint64_t rip, std::uint64_t rsp, std::uint64_t rflags);

    [[nodiscard]] std::uint32_t index() const { return index_; }

private:
    [[nodiscard]] kvm_run& shared() const;
    [[nodiscard]] Exit decode() const;
    void set_msrs(const CpuState& state) const;

    host::FileDescriptor fd_;
    host::Mapping run_page_;
    std::uint32_t index_;
};

}  // namespace husk::kvm
