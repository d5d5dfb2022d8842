// SPDX-License-Identifier: Apache-2.0
// Why KVM_RUN returned, as a type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

namespace husk::kvm {

// `out` or `outs`: count items of item_bytes each, still in the run page: valid until the vCPU runs again.
struct PortWrite {
    std::uint16_t port;
    std::uint8_t item_bytes;
    std::span<const std::byte> data;
};

// `in` or `ins`: the data is what the guest will read.
struct PortRead {
    std::uint16_t port;
    std::uint8_t item_bytes;
    std::span<std::byte> data;
};

// An access to guest-physical memory that no slot holds. data: what is written, or what will be read; valid until the
// vCPU runs again.
struct MmioAccess {
    std::uint64_t gpa;
    bool is_write;
    std::span<std::byte> data;
};

struct Interrupted {};  // a signal, or Vcpu::request_exit
struct Shutdown {};     // triple fault
struct Halted {};

// An instruction in ring 0, or on memory without a slot, that KVM's emulator does not know.
struct EmulationFailed {};

// The rest of KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_FAIL_ENTRY, and every other reason.
struct Unexpected {
    std::uint32_t reason;
    std::uint64_t detail;
};

// KVM_RUN itself failed.
struct RunFailed {
    int error_number;
};

using Exit = std::variant<PortWrite, PortRead, MmioAccess, Interrupted, Shutdown, Halted, EmulationFailed, Unexpected,
                          RunFailed>;

}  // namespace husk::kvm
