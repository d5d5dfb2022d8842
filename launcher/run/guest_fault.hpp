// SPDX-License-Identifier: Apache-2.0
// An exit that no correct guest makes, as a sentence.
#pragma once

#include <string>

#include "launcher/kvm/exit.hpp"
#include "launcher/kvm/vcpu.hpp"

namespace husk::run {

// Says what the guest did and where. The vCPU is out of the guest.
[[nodiscard]] std::string describe_fault(const kvm::Exit& exit, kvm::Vcpu& vcpu);

}  // namespace husk::run
