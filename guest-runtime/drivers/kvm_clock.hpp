// SPDX-License-Identifier: Apache-2.0
// What a KVM host knows about time [kvm-msr], asked once.
#pragma once

#include <cstdint>
#include <optional>

namespace husk::kvm_clock {

struct Reading {
    std::uint64_t tsc_hz;
    std::int64_t wall_clock_ns;  // since 1970-01-01, now
};

// In ring 0, while the image lies at the address where it is mapped. Nothing where the host is not KVM.
std::optional<Reading> read();

}  // namespace husk::kvm_clock
