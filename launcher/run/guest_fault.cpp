// SPDX-License-Identifier: Apache-2.0
#include "launcher/run/guest_fault.hpp"

#include <charconv>

#include "launcher/host/errno_error.hpp"

namespace husk::run {

namespace {

constexpr std::uint64_t reset_rip = 0xfff0;

std::string hex(std::uint64_t value) {
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
    return "0x" + std::string(digits, end);
}

struct Describe {
    std::string operator()(const kvm::PortWrite& exit) const { return "wrote to I/O port " + hex(exit.port); }
    std::string operator()(const kvm::PortRead& exit) const { return "read from I/O port " + hex(exit.port); }
    std::string operator()(const kvm::MmioAccess& exit) const {
        return (exit.is_write ? "wrote to " : "read from ") + ("guest-physical address " + hex(exit.gpa)) +
               ", where there is no memory";
    }
    std::string operator()(kvm::Interrupted) const { return "was interrupted"; }
    std::string operator()(kvm::Shutdown) const { return "ended in a triple fault"; }
    std::string operator()(kvm::Halted) const { return "halted"; }
    std::string operator()(kvm::EmulationFailed) const { return "executed an instruction that KVM cannot emulate"; }
    std::string operator()(const kvm::Unexpected& exit) const {
        return "made KVM give up (exit reason " + std::to_string(exit.reason) + ", detail " + hex(exit.detail) + ")";
    }
    std::string operator()(const kvm::RunFailed& exit) const {
        return "cannot go on: " + std::string(host::errno_error("KVM_RUN", exit.error_number).what());
    }
};

}  // namespace

std::string describe_fault(const kvm::Exit& exit, kvm::Vcpu& vcpu) {
    std::string sentence = "the guest ";
    const auto position = vcpu.try_position();
    // On AMD hardware a triple fault has reset the registers by now [kvm-api 5, KVM_EXIT_SHUTDOWN].
    if (position && position->rip != reset_rip) {
        sentence += "at rip " + hex(position->rip) + " (ring " + std::to_string(position->ring) + ", rsp " +
                    hex(position->rsp) + ") ";
    }
    return sentence + std::visit(Describe{}, exit);
}

}  // namespace husk::run
