// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/system_name.hpp"

namespace husk::sys {

namespace {

// The release is that of the Linux whose interface the runtime follows: programs compare it with what they need.
constinit SystemName name{"Linux", "husk", "6.1.0-husk", "#1 SMP PREEMPT Husk", "x86_64", "(none)"};

}  // namespace

const SystemName& system_name() { return name; }
void set_system_name(const SystemName& new_name) { name = new_name; }

}  // namespace husk::sys
