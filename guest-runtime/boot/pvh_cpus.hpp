// SPDX-License-Identifier: Apache-2.0
// The CPUs that a foreign VMM's machine describes: by ACPI's MADT, the older MP table, or what cpuid says.
#pragma once

#include <array>
#include <cstdint>

#include "guest-runtime/arch/interrupts.hpp"
#include "guest-runtime/boot/pvh_start_info.hpp"

namespace husk::boot::pvh {

struct CpuList {
    std::uint32_t count = 0;
    std::array<std::uint8_t, arch::most_interrupted_vcpus> apics{};  // identities of their local APICs

    // Once each; what does not fit any more is left out.
    void add(std::uint32_t apic);
};

// The CPU that asks comes first, and may be the only one. While the first 4 GiB are mapped where they are.
CpuList find_cpus(const StartInfo& start);

}  // namespace husk::boot::pvh
