// SPDX-License-Identifier: Apache-2.0
// /dev/kvm, open.
#pragma once

#include <cstddef>
#include <cstdint>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/kvm/kvm_abi.hpp"

namespace husk::kvm {

class System final {
public:
    // Throws host::Error: no_kvm, kvm_permission, host_failure.
    [[nodiscard]] static System open();

    [[nodiscard]] host::FileDescriptor create_vm() const;

    // The CPU that KVM can give to a guest. Slow: about 330 us.
    [[nodiscard]] CpuidTable supported_cpuid() const;

    [[nodiscard]] std::size_t vcpu_run_bytes() const;

    // Of one VM.
    [[nodiscard]] std::uint32_t vcpus_max() const;

private:
    explicit System(host::FileDescriptor fd) : fd_(std::move(fd)) {}
    host::FileDescriptor fd_;
};

}  // namespace husk::kvm
