// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/vcpu.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <x86intrin.h>

#include <husk/abi/machine.hpp>

#include "launcher/host/errno_error.hpp"
#include "launcher/kvm/registers.hpp"

namespace husk::kvm {

namespace {

constexpr std::uint32_t msr_tsc = 0x10;
constexpr std::uint32_t msr_star = 0xc000'0081;
constexpr std::uint32_t msr_lstar = 0xc000'0082;
constexpr std::uint32_t msr_fmask = 0xc000'0084;

// [kvm vcpu 4.1]
kvm_device_attr tsc_offset_attribute(std::uint64_t& offset) {
    kvm_device_attr attribute{};
    attribute.group = KVM_VCPU_TSC_CTRL;
    attribute.attr = KVM_VCPU_TSC_OFFSET;
    // SAFETY: KVM takes the address as a number, and reads or writes the word while the ioctl lasts.
    attribute.addr = reinterpret_cast<std::uintptr_t>(&offset);
    return attribute;
}

}  // namespace

Vcpu::Vcpu(host::FileDescriptor fd, std::size_t run_bytes, std::uint32_t index)
    : fd_(std::move(fd)), run_page_(host::Mapping::try_shared(fd_.get(), run_bytes)), index_(index) {
    if (!run_page_.is_mapped()) throw host::errno_error("cannot map a virtual CPU's run page");
}

kvm_run& Vcpu::shared() const {
    // SAFETY: the mapping is at least sizeof(kvm_run) (checked by System::vcpu_run_bytes), page-aligned, and lives as
    // long as this object.
    return *reinterpret_cast<kvm_run*>(run_page_.data());
}

void Vcpu::set_cpuid(const CpuidTable& table) const {
    if (::ioctl(fd_.get(), request::set_cpuid2, &table) != 0)
        throw host::errno_error("KVM refuses its own CPU model (KVM_SET_CPUID2)");
}

void Vcpu::set_state(const CpuState& state, bool with_xcr0) {
    set_msrs(state);
    if (with_xcr0) {
        kvm_xcrs xcrs{};
        xcrs.nr_xcrs = 1;
        xcrs.xcrs[0].value = state.xcr0;
        if (::ioctl(fd_.get(), KVM_SET_XCRS, &xcrs) != 0)
            throw host::errno_error("KVM does not take the guest's XCR0 (KVM_SET_XCRS)");
    }
    // Both register sets travel in the run page with the first KVM_RUN: two system calls less [kvm-api 7.10].
    kvm_run& page = shared();
    page.s.regs.regs = general_registers(state);
    page.s.regs.sregs = special_registers(state, index_ == 0);
    page.kvm_dirty_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
}

void Vcpu::set_msrs(const CpuState& state) const {
    MsrTable table;
    table.count = 3;
    table.entries[0] = {msr_star, 0, abi::star};
    table.entries[1] = {msr_lstar, 0, state.syscall_target};
    table.entries[2] = {msr_fmask, 0, abi::syscall_flag_mask};
    if (::ioctl(fd_.get(), request::set_msrs, &table) != 3)
        throw host::errno_error("KVM does not take the guest's system-call registers (KVM_SET_MSRS)");
}

void Vcpu::set_runnable() const {
    kvm_mp_state state{};
    state.mp_state = KVM_MP_STATE_RUNNABLE;
    if (::ioctl(fd_.get(), KVM_SET_MP_STATE, &state) != 0)
        throw host::errno_error("cannot start a virtual CPU (KVM_SET_MP_STATE)");
}

std::uint64_t Vcpu::tsc_hz() const {
    const int khz = ::ioctl(fd_.get(), KVM_GET_TSC_KHZ, 0);
    if (khz <= 0) throw host::errno_error("KVM does not know the TSC's frequency (KVM_GET_TSC_KHZ)");
    return static_cast<std::uint64_t>(khz) * 1000;
}

std::int64_t Vcpu::tsc_offset() const {
    MsrTable table;
    table.count = 1;
    table.entries[0] = {msr_tsc, 0, 0};
    const std::uint64_t before = __rdtsc();
    if (::ioctl(fd_.get(), request::get_msrs, &table) != 1)
        throw host::errno_error("cannot read the guest's TSC (KVM_GET_MSRS)");
    const std::uint64_t after = __rdtsc();
    return static_cast<std::int64_t>(table.entries[0].data - (before + (after - before) / 2));
}

std::optional<std::uint64_t> Vcpu::try_exact_tsc_offset() const {
    std::uint64_t offset = 0;
    kvm_device_attr attribute = tsc_offset_attribute(offset);
    if (::ioctl(fd_.get(), KVM_GET_DEVICE_ATTR, &attribute) != 0) return std::nullopt;
    return offset;
}

void Vcpu::set_exact_tsc_offset(std::uint64_t offset) const {
    kvm_device_attr attribute = tsc_offset_attribute(offset);
    if (::ioctl(fd_.get(), KVM_SET_DEVICE_ATTR, &attribute) != 0)
        throw host::errno_error("KVM does not take a virtual CPU's TSC offset (KVM_VCPU_TSC_OFFSET)");
}

Exit Vcpu::run() {
    if (::ioctl(fd_.get(), KVM_RUN, 0) != 0) {
        const int error = errno;
        // EAGAIN: a vCPU that was reset; both leave the guest's state complete.
        if (error == EINTR || error == EAGAIN) return Interrupted{};
        return RunFailed{error};
    }
    return decode();
}

Exit Vcpu::decode() const {
    const kvm_run& page = shared();
    switch (page.exit_reason) {
        case KVM_EXIT_IO: {
            const std::span<std::byte> data =
                run_page_.bytes().subspan(page.io.data_offset, std::size_t{page.io.size} * page.io.count);
            if (page.io.direction == KVM_EXIT_IO_OUT) return PortWrite{page.io.port, page.io.size, data};
            return PortRead{page.io.port, page.io.size, data};
        }
        case KVM_EXIT_MMIO: {
            const std::size_t size_bytes = std::min<std::size_t>(page.mmio.len, sizeof page.mmio.data);
            return MmioAccess{page.mmio.phys_addr, page.mmio.is_write != 0,
                              run_page_.bytes().subspan(offsetof(kvm_run, mmio.data), size_bytes)};
        }
        case KVM_EXIT_INTR:
            return Interrupted{};
        case KVM_EXIT_SHUTDOWN:
            return Shutdown{};
        case KVM_EXIT_HLT:
            return Halted{};
        case KVM_EXIT_INTERNAL_ERROR:
            if (page.internal.suberror == KVM_INTERNAL_ERROR_EMULATION) return EmulationFailed{};
            return Unexpected{page.exit_reason, page.internal.suberror};
        case KVM_EXIT_FAIL_ENTRY:
            return Unexpected{page.exit_reason, page.fail_entry.hardware_entry_failure_reason};
        default:
            return Unexpected{page.exit_reason, 0};
    }
}

void Vcpu::request_exit() { std::atomic_ref(shared().immediate_exit).store(1); }

void Vcpu::clear_exit_request() { std::atomic_ref(shared().immediate_exit).store(0); }

std::optional<CodePosition> Vcpu::try_position() {
    kvm_run& page = shared();
    kvm_sregs special;
    kvm_vcpu_events events;
    if (::ioctl(fd_.get(), KVM_GET_REGS, &page.s.regs.regs) != 0) return std::nullopt;
    if (::ioctl(fd_.get(), KVM_GET_SREGS, &special) != 0) return std::nullopt;
    if (::ioctl(fd_.get(), KVM_GET_VCPU_EVENTS, &events) != 0) return std::nullopt;
    const kvm_regs& general = page.s.regs.regs;
    // CPL is SS.DPL on AMD and CS.RPL alike outside real mode [sdm3 5.5].
    return CodePosition{general.rip, general.rsp, general.rflags, static_cast<std::uint8_t>(special.cs.selector & 3),
                        (events.exception.injected | events.interrupt.injected | events.nmi.injected) != 0};
}

std::optional<abi::CrashRegisters> Vcpu::try_registers() {
    kvm_regs general;
    kvm_sregs special;
    if (::ioctl(fd_.get(), KVM_GET_REGS, &general) != 0) return std::nullopt;
    if (::ioctl(fd_.get(), KVM_GET_SREGS, &special) != 0) return std::nullopt;
    abi::CrashRegisters r{};
    r.rax = general.rax, r.rbx = general.rbx, r.rcx = general.rcx, r.rdx = general.rdx;
    r.rsi = general.rsi, r.rdi = general.rdi, r.rbp = general.rbp, r.rsp = general.rsp;
    r.r8 = general.r8, r.r9 = general.r9, r.r10 = general.r10, r.r11 = general.r11;
    r.r12 = general.r12, r.r13 = general.r13, r.r14 = general.r14, r.r15 = general.r15;
    r.rip = general.rip, r.rflags = general.rflags;
    r.cs = special.cs.selector, r.ss = special.ss.selector;
    r.fs_base = special.fs.base, r.gs_base = special.gs.base;
    return r;
}

void Vcpu::redirect(std::uint64_t rip, std::uint64_t rsp, std::uint64_t rflags) {
    kvm_run& page = shared();
    page.s.regs.regs.rip = rip;
    page.s.regs.regs.rsp = rsp;
    page.s.regs.regs.rflags = rflags;
    page.kvm_dirty_regs |= KVM_SYNC_X86_REGS;
}

}  // namespace husk::kvm
